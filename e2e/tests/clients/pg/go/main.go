// pgx: statements prepared and kept, binary, batches; a context that ends closes the connection.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

type command struct {
	Do           string
	SQL          string
	Arguments    []any
	Milliseconds int
	Table        string
	Values       [][]any
}

type answer struct {
	Count   int64   `json:"count"`
	Rows    [][]any `json:"rows"`
	Code    *string `json:"error,omitempty"`
	Message string  `json:"message,omitempty"`
}

type client struct {
	connection  *pgx.Conn
	transaction pgx.Tx
}

func main() {
	var it client
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var asked command
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		said, err := it.obey(context.Background(), asked)
		if err != nil {
			said = failure(err)
		}
		text, err := json.Marshal(said)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	}
}

func failure(err error) *answer {
	var server *pgconn.PgError
	code := ""
	if errors.As(err, &server) {
		code = server.Code
	}
	return &answer{Code: &code, Message: err.Error()}
}

func (it *client) obey(ctx context.Context, asked command) (*answer, error) {
	switch asked.Do {
	case "connect":
		if it.connection != nil {
			_ = it.connection.Close(ctx)
		}
		connection, err := pgx.Connect(ctx, place())
		it.connection = connection
		return &answer{}, err
	case "query":
		return found(it.connection.Query(ctx, asked.SQL, whole(asked.Arguments)...))
	case "begin":
		transaction, err := it.connection.Begin(ctx)
		it.transaction = transaction
		return &answer{}, err
	case "rollback":
		return &answer{}, it.transaction.Rollback(ctx)
	case "commit":
		return &answer{}, it.transaction.Commit(ctx)
	case "timed":
		ctx, end := context.WithTimeout(ctx, time.Duration(asked.Milliseconds)*time.Millisecond)
		defer end()
		return found(it.connection.Query(ctx, asked.SQL))
	case "batch":
		batch := &pgx.Batch{}
		for _, one := range asked.Arguments {
			batch.Queue(asked.SQL, whole(one.([]any))...)
		}
		return &answer{}, it.connection.SendBatch(ctx, batch).Close()
	case "copy_in":
		var rows [][]any
		for _, row := range asked.Values {
			rows = append(rows, whole(row))
		}
		_, err := it.connection.CopyFrom(ctx, pgx.Identifier{asked.Table}, []string{"id", "note"}, pgx.CopyFromRows(rows))
		return &answer{}, err
	case "own":
		return it.own(ctx)
	}
	return nil, fmt.Errorf("nothing is known of %s", asked.Do)
}

func place() string {
	return fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=%s sslmode=verify-full sslrootcert=%s application_name=pgx",
		os.Getenv("PGHOST"), os.Getenv("PGPORT"), os.Getenv("PGUSER"), os.Getenv("PGPASSWORD"), os.Getenv("PGDATABASE"), os.Getenv("PGSSLROOTCERT"))
}

// JSON's numbers are floats here.
func whole(values []any) []any {
	var given []any
	for _, value := range values {
		if number, ok := value.(float64); ok {
			value = int(number)
		}
		given = append(given, value)
	}
	return given
}

func shown(value any) any {
	switch it := value.(type) {
	case nil, string:
		return it
	case []byte:
		return hex.EncodeToString(it)
	case time.Time:
		return it.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%v", value)
}

func found(rows pgx.Rows, err error) (*answer, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	said := &answer{Rows: [][]any{}}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return nil, err
		}
		for i := range values {
			values[i] = shown(values[i])
		}
		said.Rows = append(said.Rows, values)
	}
	said.Count = rows.CommandTag().RowsAffected()
	return said, rows.Err()
}

func (it *client) own(ctx context.Context) (*answer, error) {
	steps := []struct {
		name string
		take func(context.Context, *pgx.Conn) (any, error)
	}{
		{"modes", modes}, {"batch", batch}, {"savepoints", savepoints}, {"types", types}, {"raw", raw}, {"pool", pool},
		{"prepared", prepared}, {"structs", structs}, {"listened", listened}, {"copied out", copiedOut},
	}
	said := &answer{}
	for _, step := range steps {
		took, err := step.take(ctx, it.connection)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		said.Rows = append(said.Rows, []any{step.name, fmt.Sprintf("%v", took)})
	}
	return said, nil
}

func modes(ctx context.Context, connection *pgx.Conn) (any, error) {
	var all []any
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		for range 2 {
			took, err := found(connection.Query(ctx, "SELECT id, name FROM items WHERE id <= $1 AND name <> $2", mode, 2, "it's"))
			if err != nil {
				return nil, fmt.Errorf("%v: %w", mode, err)
			}
			all = append(all, took.Rows)
		}
	}
	return all, nil
}

func batch(ctx context.Context, connection *pgx.Conn) (any, error) {
	queued := &pgx.Batch{}
	for n := range 10 {
		queued.Queue("SELECT $1::int * 2", n)
	}
	queued.Queue("SELECT name FROM items WHERE id = $1", 3)
	results := connection.SendBatch(ctx, queued)
	sum, name := 0, ""
	for range 10 {
		var n int
		if err := results.QueryRow().Scan(&n); err != nil {
			return nil, err
		}
		sum += n
	}
	if err := results.QueryRow().Scan(&name); err != nil {
		return nil, err
	}
	return []any{sum, name}, results.Close()
}

func savepoints(ctx context.Context, connection *pgx.Conn) (any, error) {
	outer, err := connection.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	inner, err := outer.Begin(ctx)
	if err != nil {
		return nil, err
	}
	_, failed := inner.Exec(ctx, "SELECT 1 / 0")
	if err := inner.Rollback(ctx); err != nil {
		return nil, err
	}
	var still string
	err = outer.QueryRow(ctx, "SELECT 'still here'").Scan(&still)
	return []any{failed, still}, errors.Join(err, outer.Commit(ctx))
}

func types(ctx context.Context, connection *pgx.Conn) (any, error) {
	loaded, err := connection.LoadTypes(ctx, []string{"mood", "_mood", "pair", "percent"})
	if err != nil {
		return nil, err
	}
	connection.TypeMap().RegisterTypes(loaded)
	return found(connection.Query(ctx, "SELECT mood, moods, pair, percent FROM feelings WHERE mood = $1", "happy"))
}

func raw(ctx context.Context, connection *pgx.Conn) (any, error) {
	results, err := connection.PgConn().Exec(ctx, "SELECT 1; SELECT 'two'").ReadAll()
	if err != nil {
		return nil, err
	}
	return []any{len(results), string(results[1].Rows[0][0]), connection.PgConn().ParameterStatus("server_encoding")}, nil
}

func pool(ctx context.Context, _ *pgx.Conn) (any, error) {
	pool, err := pgxpool.New(ctx, place()+" pool_max_conns=2 statement_timeout=9000")
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	if err := pool.Ping(ctx); err != nil {
		return nil, err
	}
	var timeout string
	err = pool.QueryRow(ctx, "SHOW statement_timeout").Scan(&timeout)
	return timeout, err
}

func prepared(ctx context.Context, connection *pgx.Conn) (any, error) {
	about, err := connection.Prepare(ctx, "of mine", "SELECT name FROM items WHERE id = $1")
	if err != nil {
		return nil, err
	}
	took, err := found(connection.Query(ctx, "of mine", 2))
	if err != nil {
		return nil, err
	}
	return []any{about.ParamOIDs, took.Rows}, connection.DeallocateAll(ctx)
}

func structs(ctx context.Context, connection *pgx.Conn) (any, error) {
	type item struct {
		ID    int64
		Name  string
		Cents int32
	}
	rows, err := connection.Query(ctx, "SELECT * FROM items WHERE id = ANY (@ids) ORDER BY id", pgx.NamedArgs{"ids": []int64{1, 3}})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[item])
}

func listened(ctx context.Context, connection *pgx.Conn) (any, error) {
	if _, err := connection.Exec(ctx, "LISTEN news"); err != nil {
		return nil, err
	}
	if _, err := connection.Exec(ctx, "NOTIFY news, 'brass'"); err != nil {
		return nil, err
	}
	heard, err := connection.WaitForNotification(ctx)
	if err != nil {
		return nil, err
	}
	_, err = connection.Exec(ctx, "UNLISTEN *")
	return []any{heard.Channel, heard.Payload}, err
}

func copiedOut(ctx context.Context, connection *pgx.Conn) (any, error) {
	var text strings.Builder
	tag, err := connection.PgConn().CopyTo(ctx, &text, "COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT WITH (FORMAT csv)")
	return []any{tag.String(), text.String()}, err
}
