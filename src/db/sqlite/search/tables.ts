import type Sqlite from 'better-sqlite3'

/** Increase this when the words of texts (terms.ts) or these tables change: an index of another version is rebuilt. */
const VERSION = 2

const CREATE_INDEX = `
  create virtual table messages_search using fts5 (text, tokenize = 'ascii', prefix = '1 2 3');
  insert into messages_search (messages_search, rank) values ('secure-delete', 1);
  drop table if exists search_version;`

const CREATE_CURSORS = `
  insert into messages_search (messages_search, rank) values ('automerge', 0);
  drop table if exists search_long;
  create table search_long (place integer primary key, words text not null);
  drop table if exists search_cursors;
  create table search_cursors (
    chat_id integer primary key,
    seq integer not null,
    timed integer not null default 0,
    newest integer not null default 0,
    ordered integer not null default 1
  );
  drop trigger if exists search_text_changed;
  drop table if exists search_version;
  create table search_version (version integer not null);
  insert into search_version values (${VERSION});`

const CREATE_REST = `
  create table if not exists search_deleted_chats (chat_id integer primary key);
  create trigger if not exists search_text_changed after update of text on messages
  when new.text is not old.text begin
    delete from messages_search where rowid = (old.chat_id << 32) | old.id;
    delete from search_long where place = (old.chat_id << 32) | old.id;
  end;
  create trigger if not exists search_time_changed after update of created_at on messages
  when new.created_at is not old.created_at begin
    update search_cursors set timed = 0, newest = 0, ordered = 1 where chat_id = old.chat_id;
  end;
  create trigger if not exists search_chat_deleted after delete on chats begin
    insert or ignore into search_deleted_chats values (old.id);
    delete from search_cursors where chat_id = old.id;
  end;`

/**
 * Creates the tables of the full-text index, which migrations cannot describe. When `messages_search` is missing, it is
 * built again from the messages.
 *
 * `messages_search` holds the words of each message as terms.ts returns them: the tokenizer only splits at spaces. The
 * id of a row is (chat_id << 32) | message id: a chat is a range of ids, newest last. The table stores its own copy of
 * the words, because FTS5 can remove a deleted text from its pages ("secure-delete") only when it knows the text.
 * Removing takes 0.1 ms a word: texts of very many different words are stored in `search_long` instead, and searched
 * one by one. A trigger deletes an edited or deleted text in the same transaction; indexer.ts adds the edited text
 * again. The rows of a deleted chat, which no search finds, are deleted piece by piece.
 *
 * `search_cursors` holds for each chat how far it is indexed (`seq`), and what is known of its times (times.ts). A chat
 * without a cursor is indexed from its beginning, over the rows that exist already.
 */
export function createSearchIndex(client: Sqlite.Database): void {
  const exists = client.prepare<[string], number>('select count(*) from sqlite_master where name = ?').pluck()
  const isCurrent = () =>
    exists.get('search_version') === 1 &&
    client.prepare<[], number>('select version from search_version').pluck().get() === VERSION

  client
    .transaction(() => {
      if (exists.get('messages_search') === 0) client.exec(CREATE_INDEX)
      if (!isCurrent()) client.exec(CREATE_CURSORS)
      client.exec(CREATE_REST)
    })
    .immediate()
}
