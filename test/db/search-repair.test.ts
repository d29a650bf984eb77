import Sqlite from 'better-sqlite3'
import t from 'tap'
import { build, type Client, type Json } from '../helper.ts'

const DAMAGES: [name: string, sql: string][] = [
  ['its settings are gone', 'drop table messages_search_config'],
  ['its settings are of another version', "update messages_search_config set v = 99 where k = 'version'"],
  ['its pages are gone', 'delete from messages_search_data'],
  ['its pages are garbage', 'update messages_search_data set block = randomblob(20)'],
  ['its rows are gone', 'drop table messages_search_content'],
  ['its row sizes are gone', 'drop table messages_search_docsize']
]

for (const [name, sql] of DAMAGES) {
  t.test(`a search index is built anew when ${name}`, async t => {
    const file = `${t.testdir({})}/confab.db`
    const env = { DATABASE_URL: `sqlite:///${file}`, SECRET_KEY: '0123456789abcdef0123456789abcdef' }
    const first = await build(t, env)
    const { path, people } = await first.chat('ann')
    await people[0].post(`${path}/messages`, { message: 'lunch on friday' })
    const find = async (who: Client) =>
      (await who.get('/search?query=lunch')).body.items.map(({ message }: Json) => message)
    t.strictSame(await find(people[0]), ['lunch on friday'])
    await first.app.close()

    const other = new Sqlite(file)
    other.unsafeMode()
    other.exec(sql)
    other.close()
    const second = await build(t, env)
    const ann = second.client(people[0].cookie, people[0].user)
    t.strictSame(await find(ann), ['lunch on friday'])
    await ann.post(`${path}/messages`, { message: 'lunch on monday' })
    t.equal((await ann.patch(`${path}/messages/1`, { message: 'dinner' })).status, 200)
    t.strictSame(await find(ann), ['lunch on monday'])
  })
}
