import t from 'tap'
import { Departures } from '../../src/chat/delivery/departures.ts'

t.test('who may have left since a membership was read', async t => {
  const departures = new Departures()
  const before = departures.version
  t.notOk(departures.mayHaveLeft(1, 7, before))
  departures.record(1, 7)
  t.ok(departures.mayHaveLeft(1, 7, before))
  t.notOk(departures.mayHaveLeft(1, 8, before), 'another user')
  t.notOk(departures.mayHaveLeft(2, 7, before), 'another chat')
  t.notOk(departures.mayHaveLeft(1, 7, departures.version), 'read since')
  departures.record(2)
  t.ok(departures.mayHaveLeft(2, 7, before), 'the chat is gone for everybody')
})

t.test('departures that are forgotten count for everybody', async t => {
  const departures = new Departures()
  const before = departures.version
  departures.record(1, 7)
  const after = departures.version
  for (let user = 0; user < 9999; user++) departures.record(2, user)
  t.notOk(departures.mayHaveLeft(1, 8, before))
  departures.record(3, 1)
  t.ok(departures.mayHaveLeft(1, 7, before))
  t.ok(departures.mayHaveLeft(1, 8, before), 'nobody knows any more who it was')
  t.notOk(departures.mayHaveLeft(1, 8, after))
})
