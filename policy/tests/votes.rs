//! Who may answer, and when votes are enough.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod scene;

use std::collections::{BTreeMap, BTreeSet};

use policy::approval::{
    Asker, NoVote, Requirement, TextHash, Vote, Voter, may_vote, refused, satisfied,
};
use policy::digest::Hasher;
use policy::identity::{Identity, Lineage};
use proptest::prelude::*;
use scene::{NOW, service, user, words};

const HOUR: i64 = 3_600;

fn text(of: &str) -> TextHash {
    let mut hasher = Hasher::new("test");
    hasher.part(of.as_bytes());
    TextHash(hasher.finish())
}

fn requirement(policy: &str, groups: &[&str], quorum: u32, distinct: bool) -> Requirement {
    Requirement {
        policy: policy.to_owned(),
        groups: words(groups),
        quorum,
        distinct,
        owner_may_approve: false,
        timeout_seconds: 300,
        manner: None,
        escalate: vec![],
        message: None,
        on_timeout_approve: false,
        risk_low: false,
        text: text(policy),
    }
}

fn voter(identity: &Identity) -> Voter<'_> {
    Voter {
        identity,
        token_issued_by: None,
        token_issued_at: None,
        groups_given: &[],
    }
}

#[test]
fn nobody_answers_their_own_question() {
    let plain = requirement("p", &["dba"], 1, false);
    let owner_may = Requirement {
        owner_may_approve: true,
        ..plain.clone()
    };
    let (ada, grace, eve) = (
        &user("ada", &["dba"]),
        &user("grace", &["dba"]),
        &user("eve", &["dba"]),
    );
    let (robot, robot2) = (
        &service("robot", "ada", &["dba"]),
        &service("robot2", "ada", &["dba"]),
    );
    let agent = &Identity {
        on_behalf_of: Some("ada".to_owned()),
        ..service("agent", "eve", &["dba"])
    };
    let (own, owner, agents) = (
        Err(NoVote::OwnRequest),
        Err(NoVote::OwnerOfAsker),
        Err(NoVote::AgentOfAsker),
    );
    // who asks, who answers, and whether that counts: as it is, and with `@owner("may-approve")`
    let cases = [
        (ada, grace, Ok(()), Ok(())),
        (robot, grace, Ok(()), Ok(())),
        (ada, ada, own, own),
        (robot, ada, owner, Ok(())),
        (agent, ada, owner, Ok(())),
        (agent, eve, owner, Ok(())),
        (ada, robot, agents, agents),
        (robot, robot2, agents, agents),
        (ada, agent, agents, agents),
        (robot, agent, agents, agents),
    ];
    for (by, vote, without, with) in cases {
        let asker = Asker::of(by);
        assert_eq!(
            may_vote(&plain, &asker, &voter(vote), NOW),
            without,
            "{} asks, {} answers",
            by.name,
            vote.name
        );
        assert_eq!(
            may_vote(&owner_may, &asker, &voter(vote), NOW),
            with,
            "{} asks, {} may",
            by.name,
            vote.name
        );
    }
}

#[test]
fn outsiders_and_agents_of_who_asks_do_not_answer() {
    let plain = requirement("p", &["dba"], 1, false);
    let outsider = user("root", &["admin"]);
    let asker = Asker::of(&user("ada", &["dba"]));
    assert_eq!(
        may_vote(&plain, &asker, &voter(&outsider), NOW),
        Err(NoVote::NotAsked)
    );
    let with_agents = Asker {
        agents: words(&["helper"]),
        ..asker
    };
    let helper = service("helper", "eve", &["dba"]);
    assert_eq!(
        may_vote(&plain, &with_agents, &voter(&helper), NOW),
        Err(NoVote::AgentOfAsker)
    );
}

/// ada, for whom robot acts.
fn ada_and_her_robot() -> Asker {
    Asker {
        agents: words(&["robot"]),
        ..Asker::of(&user("ada", &[]))
    }
}

#[test]
fn nobody_answers_with_a_token_that_the_asker_gave() {
    let plain = requirement("p", &["dba"], 1, false);
    let grace = user("grace", &["dba"]);
    let (ada, robot) = (
        ada_and_her_robot(),
        Asker::of(&service("robot", "ada", &[])),
    );
    let token = |asker: &Asker, by, at: Option<i64>| {
        let voter = Voter {
            token_issued_by: Some(by),
            token_issued_at: at,
            ..voter(&grace)
        };
        may_vote(&plain, asker, &voter, NOW)
    };
    let bad = Err(NoVote::IssuedByAsker);
    assert_eq!(token(&ada, "root", Some(NOW)), Ok(()));
    assert_eq!(token(&ada, "ada", Some(NOW - 900 * HOUR)), bad);
    assert_eq!(token(&ada, "ada", None), bad);
    for (asker, by) in [(&ada, "robot"), (&robot, "ada")] {
        assert_eq!(token(asker, by, Some(NOW - 24 * HOUR)), Ok(()));
        assert_eq!(token(asker, by, Some(NOW - 24 * HOUR + 1)), bad);
        assert_eq!(
            token(asker, by, Some(NOW + HOUR)),
            bad,
            "after the question"
        );
        assert_eq!(token(asker, by, None), bad, "nobody knows when");
    }
    let owner_may = Requirement {
        owner_may_approve: true,
        ..plain.clone()
    };
    let ada_votes = user("ada", &["dba"]);
    let own_token = Voter {
        token_issued_by: Some("ada"),
        token_issued_at: Some(NOW),
        ..voter(&ada_votes)
    };
    assert_eq!(
        may_vote(&owner_may, &robot, &own_token, NOW),
        Ok(()),
        "a token of one's own making"
    );
}

#[test]
fn nobody_answers_for_a_group_that_the_asker_gave() {
    let plain = requirement("p", &["dba", "sre"], 1, false);
    let (one, both) = (user("grace", &["dba"]), user("heidi", &["dba", "sre"]));
    let given = |identity: &Identity, given: &[(&str, &str, i64)]| {
        let given: Vec<_> = given
            .iter()
            .map(|(group, by, at)| ((*group).to_owned(), (*by).to_owned(), *at))
            .collect();
        may_vote(
            &plain,
            &ada_and_her_robot(),
            &Voter {
                groups_given: &given,
                ..voter(identity)
            },
            NOW,
        )
    };
    let bad = Err(NoVote::GroupGivenByAsker);
    assert_eq!(given(&one, &[("dba", "root", NOW)]), Ok(()));
    assert_eq!(given(&one, &[("dba", "ada", 0)]), bad);
    assert_eq!(given(&one, &[("dba", "robot", NOW - HOUR)]), bad);
    assert_eq!(given(&one, &[("other", "ada", NOW)]), Ok(()));
    assert_eq!(
        given(&both, &[("dba", "ada", 0)]),
        Ok(()),
        "the other group is enough"
    );
    assert_eq!(given(&both, &[("dba", "ada", 0), ("sre", "ada", 0)]), bad);
}

fn vote(person: &str, answers: &[&str]) -> Vote {
    Vote {
        person: person.to_owned(),
        lineage: Lineage(person.to_owned()),
        address: None,
        at: NOW,
        answers: answers
            .iter()
            .map(|id| ((*id).to_owned(), text(id)))
            .collect(),
        approve: true,
        reason: None,
        automatic: false,
    }
}

fn groups(person: &str) -> BTreeSet<String> {
    match person {
        "grace" | "ivan" => words(&["dba"]),
        "heidi" => words(&["dba", "sre"]),
        "judy" => words(&["sre"]),
        _ => BTreeSet::new(),
    }
}

fn done(requirements: &[&Requirement], votes: &[Vote]) -> Vec<String> {
    satisfied(requirements, votes, &groups, &|_, _| true)
        .into_iter()
        .collect()
}

#[test]
fn a_quorum_is_of_different_people_who_saw_this_text() {
    let two = requirement("p", &["dba"], 2, false);
    assert!(done(&[&two], &[vote("grace", &["p"]), vote("grace", &["p"])]).is_empty());
    assert!(
        done(&[&two], &[vote("grace", &["p"]), vote("judy", &["p"])]).is_empty(),
        "not asked"
    );
    assert!(
        done(&[&two], &[vote("grace", &["p"]), vote("heidi", &["q"])]).is_empty(),
        "another policy"
    );
    assert_eq!(
        done(&[&two], &[vote("grace", &["p"]), vote("heidi", &["p"])]),
        ["p"]
    );
    let rewritten = Requirement {
        text: text("other"),
        ..two.clone()
    };
    assert!(
        done(
            &[&rewritten],
            &[vote("grace", &["p"]), vote("heidi", &["p"])]
        )
        .is_empty()
    );
    let votes = [vote("grace", &["p"]), vote("heidi", &["p"])];
    assert!(satisfied(&[&two], &votes, &groups, &|_, person| person != "heidi").is_empty());
    assert!(done(&[], &[]).is_empty());
}

#[test]
fn one_refusal_is_enough_when_its_author_is_asked() {
    let one = requirement("p", &["dba"], 1, false);
    let no = |person: &str| Vote {
        approve: false,
        answers: BTreeMap::new(),
        ..vote(person, &[])
    };
    let votes = [vote("grace", &["p"]), no("judy"), no("heidi")];
    assert_eq!(
        refused(&[&one], &votes, &groups, &|_, _| true)
            .unwrap()
            .person,
        "heidi"
    );
    assert!(done(&[&one], &votes).is_empty());
    assert_eq!(done(&[&one], &votes[..2]), ["p"]);
    assert!(refused(&[&one], &votes, &groups, &|_, person| person != "heidi").is_none());
}

#[test]
fn one_person_may_satisfy_two_unless_one_is_distinct() {
    let (a, b) = (
        requirement("a", &["dba"], 1, false),
        requirement("b", &["sre"], 1, false),
    );
    let distinct = Requirement {
        distinct: true,
        ..a.clone()
    };
    let heidi = vote("heidi", &["a", "b"]);
    assert_eq!(done(&[&a, &b], std::slice::from_ref(&heidi)), ["a", "b"]);
    assert_eq!(
        done(&[&distinct, &b], std::slice::from_ref(&heidi)),
        ["a"],
        "distinct ones are filled first"
    );
    assert_eq!(
        done(&[&distinct, &b], &[heidi.clone(), vote("grace", &["a"])]),
        ["a", "b"],
        "grace can be spared"
    );
    assert_eq!(
        done(&[&distinct, &b], &[heidi, vote("judy", &["b"])]),
        ["a", "b"]
    );
}

#[test]
fn many_voters_do_not_take_long() {
    let requirements: Vec<Requirement> = (0..6)
        .map(|n| requirement(&format!("d{n}"), &["dba"], 5, true))
        .collect();
    let all: Vec<&Requirement> = requirements.iter().collect();
    let ids: Vec<&str> = requirements.iter().map(|one| one.policy.as_str()).collect();
    let votes: Vec<Vote> = (0..29).map(|n| vote(&format!("p{n}"), &ids)).collect();
    let satisfied = satisfied(&all, &votes, &|_| words(&["dba"]), &|_, _| true);
    assert_eq!(satisfied.len(), 5, "29 people fill five of six");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn more_approvals_never_undo_enough_of_them(
        kinds in proptest::collection::vec((0_usize..3, 1_u32..3, any::<bool>()), 1..4),
        people in proptest::collection::vec((0_usize..4, 0_usize..8), 0..6),
    ) {
        let sets: [&[&str]; 3] = [&["dba"], &["sre"], &["dba", "sre"]];
        let requirements: Vec<_> = kinds.iter().enumerate().map(|(n, (set, quorum, distinct))| requirement(&format!("r{n}"), sets[*set], *quorum, *distinct)).collect();
        let all: Vec<_> = requirements.iter().collect();
        let ids: Vec<_> = requirements.iter().map(|one| one.policy.as_str()).collect();
        let votes: Vec<_> = people.iter().map(|(who, which)| {
            let chosen: Vec<_> = ids.iter().enumerate().filter(|(n, _)| which >> n & 1 == 1).map(|(_, id)| *id).collect();
            vote(["grace", "ivan", "heidi", "judy"][*who], &chosen)
        }).collect();
        // of a part this does not hold: a distinct requirement that can be filled at last takes people from the others
        for fewer in 0..votes.len() {
            prop_assert!(done(&all, &votes[..fewer]).len() < all.len() || done(&all, &votes).len() == all.len());
        }
        for requirement in &requirements {
            let able: BTreeSet<_> = votes.iter().filter(|vote| vote.answers.contains_key(&requirement.policy) && !groups(&vote.person).is_disjoint(&requirement.groups)).map(|vote| &vote.person).collect();
            prop_assert!(able.len() >= requirement.quorum as usize || !done(&all, &votes).contains(&requirement.policy));
        }
    }
}
