import t from 'tap'
import { build } from '../helper.ts'
import { until } from '../until.ts'
import { count, database, numbered, say } from './indexed.ts'

t.test('an index of an earlier version is brought up to date', async t => {
  const first = await build(t)
  const { id, people } = await first.chat('ann')
  const [ann] = people
  await say(first, id, ann, ['วันนี้อากาศดีมาก', 'أحمد', 'plain words'])
  await say(first, id, ann, [numbered('word', 1000).join(' ')])
  t.equal(await count(ann, 'w'), 2)
  await first.app.close()

  // As the first version left it: other words, a cursor of two columns, and long texts like the others.
  const { db } = database(first)
  db.exec(`
    drop table search_version;
    drop table search_long;
    drop table search_cursors;
    drop trigger search_text_changed;
    drop trigger search_time_changed;
    insert into messages_search (messages_search, rank) values ('automerge', 4);
    create table search_cursors (chat_id integer primary key, seq integer not null);
    create trigger search_text_changed after update of text on messages
    when new.text is not old.text begin
      delete from messages_search where rowid = (old.chat_id << 32) | old.id;
    end`)
  const words = db.prepare('insert or replace into messages_search (rowid, text) values ((? << 32) | ?, ?)')
  for (const [i, text] of ['วันนี้อากาศดีมาก', 'أحمد', 'plain words', numbered('word', 1000).join(' ')].entries()) {
    words.run(id, i + 1, text)
  }
  db.prepare('insert into search_cursors values (?, 4)').run(id)

  const second = await build(t, first.settings)
  const again = await second.login('ann')
  t.equal(await count(again, encodeURIComponent('อากาศ')), 1)
  t.equal(await count(again, encodeURIComponent('احمد')), 1)
  t.equal(await count(again, 'plain'), 1)
  t.equal(await count(again, '999'), 1)
  await again.patch(`/chats/${id}/messages/4`, { message: 'short' })
  t.equal(await count(again, '999'), 0)
  await second.app.close()

  // Once is enough.
  db.prepare("update messages_search set text = 'other words' where rowid = (? << 32) | 3").run(id)
  const third = await build(t, first.settings)
  t.equal(await count(await third.login('ann'), 'other'), 0, 'these words are not those of the message')
  t.equal(database(third).count('other'), 1, 'but nothing was indexed again')
})

t.test('the background brings an index of an earlier version up to date', async t => {
  const first = await build(t)
  const { id, people } = await first.chat('ann')
  await say(first, id, people[0], ['อากาศ', 'word'])
  t.equal(await count(people[0], 'word'), 1)
  await first.app.close()
  const { db } = database(first)
  db.exec(`update search_version set version = 1; update messages_search set text = 'อากาศ' where rowid & 255 = 1`)
  const second = await build(t, first.settings)
  await until(() => database(second).count('กา OR "า"') === 1)
  t.equal(database(second).count('word'), 1)
})
