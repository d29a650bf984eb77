import t from 'tap'
import { Recent } from '../src/recent.ts'

t.test('what was not asked for longest goes first', async t => {
  const recent = new Recent<string>(2)
  recent.set('a', 'A')
  recent.set('b', 'B')
  t.equal(recent.get('a'), 'A')
  recent.set('c', 'C')
  t.strictSame([recent.get('a'), recent.get('b'), recent.get('c')], ['A', undefined, 'C'])
})

t.test('all of it together weighs no more than it may', async t => {
  const recent = new Recent<string>(10, ({ length }) => length)
  recent.set('a', 'four')
  recent.set('b', 'five!')
  recent.set('a', 'fo')
  recent.set('c', 'six')
  t.strictSame(
    [recent.get('a'), recent.get('b'), recent.get('c')],
    ['fo', 'five!', 'six'],
    'a new value replaces the old'
  )
  recent.set('d', 'more than everything')
  t.strictSame(
    ['a', 'b', 'c', 'd'].map(key => recent.get(key)),
    [undefined, undefined, undefined, undefined],
    'what is too heavy by itself is not kept'
  )
})
