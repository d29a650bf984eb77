import t from 'tap'
import { EphemeralState } from '../../src/chat/ephemeral/state.ts'

const told = (state: EphemeralState, known: number, newcomer = false) => state.after(known, newcomer).toString()

t.test('everybody is told what is newer, newcomers what lasts', async t => {
  const state = new EphemeralState()
  state.set('presence', Buffer.from('p1 '), true)
  state.set('read 1', Buffer.from('r1 '), false)
  const { version } = state
  t.equal(told(state, 0), 'p1 r1 ')
  t.equal(told(state, version), '')
  t.equal(told(state, version, true), 'p1 ')
  state.set('presence', Buffer.from('p2 '), true)
  t.equal(told(state, version), 'p2 ', 'the latest of each kind')
  t.equal(told(state, 0), 'r1 p2 ')
})

t.test('a bounded number of markers is kept, and what lasts', async t => {
  const state = new EphemeralState()
  state.set('presence', Buffer.from('p '), true)
  for (let user = 0; user < 1500; user++) state.set(`read ${user}`, Buffer.from(`${user} `), false)
  const frames = told(state, 0).trim().split(' ')
  t.equal(frames.length, 1000)
  t.strictSame([frames[0], frames[1], frames.at(-1)], ['p', '501', '1499'])
})
