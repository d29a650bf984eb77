import type Sqlite from 'better-sqlite3'

/** Grows when words change (search-text.ts), or these tables: an index of another version is brought up to date. */
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
 * The tables of the full-text index. Virtual tables are beyond migrations; whoever drops `messages_search` has it built
 * anew from the messages.
 *
 * `messages_search` has the words of each message, those of search-text.ts: the tokenizer only splits at spaces. A row's
 * id is (chat_id << 32) | message id, so that a chat is a range of them, newest last. The index keeps its own copy of the
 * words because FTS5 can take a deleted text out of its pages ("secure-delete") only when it knows what it was. That takes
 * 0.1 ms a word, so texts of very many different words are kept beside it, in `search_long`, and searched one by one.
 * Text that is edited or deleted leaves in the same transaction, by the trigger; search-index.ts brings an edited one
 * back. A deleted chat, which nobody can find any more, leaves little by little.
 *
 * `search_cursors` says of each chat how far it is indexed (`seq`), and what is known of its times (search-times.ts).
 * Without a cursor, a chat is indexed from its beginning, over the rows that are there already.
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
