import t from 'tap'
import { build } from '../helper.ts'

t.test('a cursor is taken by the list that gave it, and by no other', async t => {
  const server = await build(t)
  const [ann, bob, cas] = [await server.account('ann'), await server.account('bob'), await server.account('cas')]
  const chats: number[] = []
  for (const title of ['One', 'Two']) {
    const made = await ann.post('/chats', { title, visibility: 'public', member_ids: [bob.user.id, cas.user.id] })
    chats.push(made.body.id)
  }
  for (const name of ['ann', 'bob']) await server.login(name)
  const lists = [
    { who: ann, path: '/users' },
    { who: ann, path: '/users?query=a' },
    { who: ann, path: '/chats' },
    { who: bob, path: '/chats' },
    { who: ann, path: '/chats/public' },
    { who: ann, path: '/chats/public?query=o' },
    { who: ann, path: `/chats/${chats[0]}/members` },
    { who: ann, path: `/chats/${chats[1]}/members` },
    { who: ann, path: '/auth/sessions' },
    { who: bob, path: '/auth/sessions' }
  ]
  await server.account('ann2')
  const page = (list: (typeof lists)[number], more: string) =>
    list.who.get(`${list.path}${list.path.includes('?') ? '&' : '?'}limit=1${more}`)
  for (const list of lists) {
    const { next_cursor } = (await page(list, '')).body
    t.ok(next_cursor, list.path)
    for (const other of lists) {
      const reply = await page(other, `&cursor=${next_cursor}`)
      if (other === list) t.match(reply, { status: 200, body: { items: [Object] } }, list.path)
      else t.match(reply, { status: 400, body: { code: 'INVALID_CURSOR' } }, `${list.path} at ${other.path}`)
    }
  }
  const search = await ann.get('/chats?limit=1')
  t.match(await ann.get(`/search?query=x&cursor=${search.body.next_cursor}`), { status: 400 })
})
