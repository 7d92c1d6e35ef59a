-- The demo's shop; run by its owner, the role that the gateway logs in as.
CREATE TABLE customers (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    email      text NOT NULL UNIQUE,
    card       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE items (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  text NOT NULL,
    cents integer NOT NULL CHECK (cents >= 0)
);
CREATE TABLE orders (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    item_id     bigint NOT NULL REFERENCES items,
    quantity    integer NOT NULL CHECK (quantity > 0),
    placed_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_of_customer ON orders (customer_id);

INSERT INTO customers (name, email, card) VALUES
    ('Mary Anning', 'mary.anning@example.com', '4111111111111111'),
    ('Lise Meitner', 'lise.meitner@example.com', '5555555555554444'),
    ('Emmy Noether', 'emmy.noether@example.org', '378282246310005'),
    ('Chien-Shiung Wu', 'cs.wu@example.net', '6011111111111117'),
    ('Rosalind Franklin', 'rosalind@example.com', '4012888888881881'),
    ('Hedy Lamarr', 'hedy.lamarr@example.org', '5105105105105100'),
    ('Katherine Johnson', 'katherine@example.net', '3530111333300000'),
    ('Sofja Kowalewskaja', 'sofja.k@example.com', '30569309025904');
INSERT INTO items (name, cents) VALUES
    ('hand lens', 1990), ('field notebook', 790), ('brass compass', 4500), ('slide rule', 3200), ('lamp oil', 650);
INSERT INTO orders (customer_id, item_id, quantity, placed_at)
    SELECT 1 + n % 8, 1 + n % 5, 1 + n % 3, timestamptz '2026-01-01 08:00+00' + n * interval '7 hours'
    FROM generate_series(1, 120) AS n;
ANALYZE;
