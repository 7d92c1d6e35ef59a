// pgjdbc: the extended protocol, prepared and binary after five, its metadata, its timer that cancels.

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public final class WithPgjdbc {
    private Connection connection;

    public static void main(String[] none) throws Exception {
        WithPgjdbc client = new WithPgjdbc();
        Gson gson = new Gson().newBuilder().serializeNulls().create();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonObject answer;
            try {
                answer = client.obey(JsonParser.parseString(line).getAsJsonObject());
            } catch (SQLException raised) {
                answer = new JsonObject();
                answer.addProperty("error", raised.getSQLState());
                answer.addProperty("message", raised.getMessage());
            }
            System.out.write((gson.toJson(answer) + "\n").getBytes(StandardCharsets.UTF_8));
            System.out.flush();
        }
    }

    private JsonObject obey(JsonObject command) throws Exception {
        String sql = command.has("sql") ? command.get("sql").getAsString() : "";
        switch (command.get("do").getAsString()) {
            case "connect": return connect();
            case "query": return query(sql, command.getAsJsonArray("arguments"));
            case "begin": connection.setAutoCommit(false); return new JsonObject();
            case "rollback": connection.rollback(); connection.setAutoCommit(true); return new JsonObject();
            case "commit": connection.commit(); connection.setAutoCommit(true); return new JsonObject();
            case "timed": return timed(sql, command.get("milliseconds").getAsInt());
            case "batch": return batch(sql, command.getAsJsonArray("arguments"));
            case "copy_in": return copyIn(command.get("table").getAsString(), command.getAsJsonArray("values"));
            case "own": return own();
            default: throw new IllegalArgumentException(command.toString());
        }
    }

    private Connection opened(String... more) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        properties.setProperty("sslmode", "verify-full");
        properties.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
        properties.setProperty("ApplicationName", "pgjdbc");
        for (int i = 0; i < more.length; i += 2) {
            properties.setProperty(more[i], more[i + 1]);
        }
        String place = System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        return DriverManager.getConnection("jdbc:postgresql://" + place, properties);
    }

    private JsonObject connect() throws SQLException {
        if (connection != null) {
            connection.close();
        }
        connection = opened();
        return new JsonObject();
    }

    private JsonObject query(String sql, JsonArray arguments) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(marked(sql))) {
            set(statement, arguments);
            return answered(statement, statement.execute());
        }
    }

    private static JsonObject answered(Statement statement, boolean found) throws SQLException {
        JsonObject answer = new JsonObject();
        JsonArray rows = new JsonArray();
        if (found) {
            for (List<String> row : rows(statement.getResultSet())) {
                JsonArray shown = new JsonArray();
                row.forEach(shown::add);
                rows.add(shown);
            }
        } else {
            answer.addProperty("count", statement.getUpdateCount());
        }
        answer.add("rows", rows);
        return answer;
    }

    private JsonObject timed(String sql, int milliseconds) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(Math.max(1, milliseconds / 1000));
            return answered(statement, statement.execute(sql));
        }
    }

    private JsonObject batch(String sql, JsonArray lists) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(marked(sql))) {
            for (JsonElement list : lists) {
                set(statement, list.getAsJsonArray());
                statement.addBatch();
            }
            statement.executeBatch();
        }
        return new JsonObject();
    }

    private JsonObject copyIn(String table, JsonArray values) throws SQLException, java.io.IOException {
        StringBuilder text = new StringBuilder();
        for (JsonElement row : values) {
            JsonArray pair = row.getAsJsonArray();
            text.append(pair.get(0).getAsInt()).append('\t').append(pair.get(1).getAsString()).append('\n');
        }
        CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
        copies.copyIn("COPY " + table + " (id, note) FROM STDIN", new java.io.StringReader(text.toString()));
        return new JsonObject();
    }

    private static String marked(String sql) {
        return sql.replaceAll("\\$\\d+", "?");
    }

    private static void set(PreparedStatement statement, JsonArray arguments) throws SQLException {
        for (int i = 0; arguments != null && i < arguments.size(); i++) {
            JsonElement one = arguments.get(i);
            if (one.isJsonNull()) {
                statement.setNull(i + 1, java.sql.Types.VARCHAR);
            } else if (one.getAsJsonPrimitive().isNumber()) {
                statement.setInt(i + 1, one.getAsInt());
            } else {
                statement.setString(i + 1, one.getAsString());
            }
        }
    }

    private static List<List<String>> rows(ResultSet found) throws SQLException {
        List<List<String>> rows = new ArrayList<>();
        int columns = found.getMetaData().getColumnCount();
        while (found.next()) {
            List<String> row = new ArrayList<>();
            for (int i = 1; i <= columns; i++) {
                Object value = found.getObject(i);
                row.add(value instanceof byte[] bytes ? HexFormat.of().formatHex(bytes) : found.getString(i));
            }
            rows.add(row);
        }
        return rows;
    }

    private interface Step {
        Object take() throws Exception;
    }

    private JsonObject own() throws Exception {
        JsonArray rows = new JsonArray();
        String[] names = {"binary after five", "portal", "metadata", "of a result", "savepoints", "a failed batch", "copied out",
            "generated keys", "settings", "simple", "arrays", "several", "scrolled"};
        Step[] steps = {this::binaryAfterFive, this::portal, this::metadata, this::ofResult, this::savepoints, this::failedBatch,
            this::copiedOut, this::generatedKeys, this::settings, this::simple, this::arrays, this::several, this::scrolled};
        for (int i = 0; i < steps.length; i++) {
            JsonArray row = new JsonArray();
            row.add(names[i]);
            row.add(String.valueOf(steps[i].take()));
            rows.add(row);
        }
        JsonObject answer = new JsonObject();
        answer.add("rows", rows);
        return answer;
    }

    private Object binaryAfterFive() throws SQLException {
        List<Object> found = new ArrayList<>();
        String types = "SELECT id, name, 1.5::float8, '2024-02-29 10:00+00'::timestamptz, '\\x00ff'::bytea, 2::int8, 7.25::numeric,"
            + " '5b3f0c9e-6d2a-4c1b-9f7e-0a1b2c3d4e5f'::uuid, '{1,2}'::int[] FROM items WHERE id = ?";
        try (PreparedStatement statement = connection.prepareStatement(types)) {
            for (int i = 1; i <= 9; i++) {
                statement.setLong(1, 1 + i % 3);
                found.add(rows(statement.executeQuery()));
            }
        }
        return found;
    }

    private Object portal() throws SQLException {
        connection.setAutoCommit(false);
        int sum = 0;
        try (PreparedStatement statement = connection.prepareStatement("SELECT n FROM generate_series(1, 95) AS n")) {
            statement.setFetchSize(10);
            ResultSet found = statement.executeQuery();
            while (found.next()) {
                sum += found.getInt(1);
            }
        }
        connection.commit();
        connection.setAutoCommit(true);
        return sum;
    }

    private Object metadata() throws SQLException {
        DatabaseMetaData about = connection.getMetaData();
        List<Object> found = new ArrayList<>();
        found.add(rows(about.getTables(null, "public", "items", new String[] {"TABLE"})));
        found.add(rows(about.getColumns(null, "public", "customers", "%")));
        found.add(rows(about.getPrimaryKeys(null, "public", "orders")));
        found.add(rows(about.getImportedKeys(null, "public", "orders")));
        found.add(rows(about.getExportedKeys(null, "public", "items")));
        found.add(rows(about.getIndexInfo(null, "public", "orders", false, false)));
        found.add(rows(about.getSchemas(null, "public")));
        found.add(rows(about.getCatalogs()).size());
        found.add(rows(about.getTableTypes()));
        found.add(rows(about.getTypeInfo()).isEmpty());
        found.add(rows(about.getTablePrivileges(null, "public", "items")).size());
        found.add(rows(about.getColumnPrivileges(null, "public", "items", "name")).size());
        found.add(rows(about.getBestRowIdentifier(null, "public", "items", 0, true)));
        found.add(rows(about.getVersionColumns(null, "public", "items")));
        found.add(rows(about.getFunctions(null, "pg_catalog", "lower")).size());
        found.add(rows(about.getProcedureColumns(null, "pg_catalog", "lower", "%")).size());
        found.add(rows(about.getUDTs(null, "public", "%", null)));
        found.add(about.getDatabaseProductVersion() + about.getSQLKeywords().length() + about.getMaxColumnNameLength());
        return found;
    }

    private Object ofResult() throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT id, mood AS m, moods, pair FROM feelings")) {
            ResultSetMetaData about = statement.getMetaData();
            List<Object> found = new ArrayList<>();
            for (int i = 1; i <= about.getColumnCount(); i++) {
                found.add(List.of(about.getColumnLabel(i), about.getColumnTypeName(i), about.isNullable(i), about.isAutoIncrement(i),
                    about.getTableName(i), about.getSchemaName(i), about.getColumnClassName(i)));
            }
            return found;
        }
    }

    private Object savepoints() throws SQLException {
        connection.setAutoCommit(false);
        Savepoint here = connection.setSavepoint("here");
        try (Statement statement = connection.createStatement()) {
            try {
                statement.execute("SELECT 1 / 0");
            } catch (SQLException failed) {
                connection.rollback(here);
            }
            connection.releaseSavepoint(connection.setSavepoint());
            ResultSet found = statement.executeQuery("SELECT 'still here'");
            Object rows = rows(found);
            connection.commit();
            connection.setAutoCommit(true);
            return rows;
        }
    }

    private Object failedBatch() throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT 1 / ?::int")) {
            for (int n : new int[] {1, 0, 2}) {
                statement.setInt(1, n);
                statement.addBatch();
            }
            statement.executeBatch();
            return "nothing failed";
        } catch (BatchUpdateException failed) {
            return failed.getSQLState() + Arrays.toString(failed.getUpdateCounts());
        }
    }

    private Object copiedOut() throws Exception {
        CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
        StringWriter text = new StringWriter();
        long rows = copies.copyOut("COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT WITH (FORMAT csv)", text);
        return rows + text.toString();
    }

    private Object generatedKeys() throws SQLException {
        try (Connection other = opened(); Statement statement = other.createStatement()) {
            statement.execute("CREATE TEMPORARY TABLE made (id serial PRIMARY KEY, note text)");
            statement.executeUpdate("INSERT INTO made (note) VALUES ('a'), ('b')", new String[] {"id"});
            return rows(statement.getGeneratedKeys());
        }
    }

    private Object settings() throws SQLException {
        try (Connection other = opened("options", "-c statement_timeout=9000", "currentSchema", "public", "loginTimeout", "5",
                "socketTimeout", "30", "tcpKeepAlive", "true", "reWriteBatchedInserts", "true", "prepareThreshold", "1",
                "defaultRowFetchSize", "50", "readOnly", "true", "assumeMinServerVersion", "12")) {
            other.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            other.setSchema("public");
            other.setClientInfo("ApplicationName", "another");
            try (Statement statement = other.createStatement()) {
                return List.of(other.isValid(2), other.getSchema(), other.getTransactionIsolation(), other.isReadOnly(),
                    rows(statement.executeQuery("SHOW statement_timeout")), other.getCatalog());
            }
        }
    }

    private Object simple() throws SQLException {
        try (Connection other = opened("preferQueryMode", "simple")) {
            try (PreparedStatement statement = other.prepareStatement("SELECT ?::int + 1, ?::text")) {
                statement.setInt(1, 41);
                statement.setString(2, "it's");
                return rows(statement.executeQuery());
            }
        }
    }

    private Object arrays() throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT name FROM items WHERE id = ANY (?) ORDER BY id")) {
            Array ids = connection.createArrayOf("int8", new Long[] {1L, 3L});
            statement.setArray(1, ids);
            return rows(statement.executeQuery());
        }
    }

    private Object several() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("SELECT 1; SELECT 'two'");
            Object first = rows(statement.getResultSet());
            return List.of(first, statement.getMoreResults(), rows(statement.getResultSet()));
        }
    }

    private Object scrolled() throws SQLException {
        try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            ResultSet found = statement.executeQuery("SELECT id, name FROM items ORDER BY id");
            found.last();
            int last = found.getRow();
            found.absolute(2);
            return last + found.getString("name") + found.getConcurrency();
        }
    }
}
