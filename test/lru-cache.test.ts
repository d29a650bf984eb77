import t from 'tap'
import { LruCache } from '../src/lru-cache.ts'

t.test('what was not asked for longest goes first', async t => {
  const recent = new LruCache<string>(2)
  recent.set('a', 'A')
  recent.set('b', 'B')
  t.equal(recent.get('a'), 'A')
  recent.set('c', 'C')
  t.strictSame([recent.get('a'), recent.get('b'), recent.get('c')], ['A', undefined, 'C'])
})

t.test('all of it together weighs no more than it may', async t => {
  const recent = new LruCache<string>(12, ({ length }) => length)
  recent.set('a', 'four')
  recent.set('b', 'five!')
  recent.set('a', 'fo')
  recent.set('c', 'four')
  t.strictSame(
    ['c', 'a', 'b'].map(key => recent.get(key)),
    ['four', 'fo', 'five!'],
    'a new value replaces the old'
  )
  recent.set('d', 'six...')
  recent.set('e', 'seven..')
  t.strictSame(
    ['a', 'b', 'c', 'd', 'e'].map(key => recent.get(key)),
    [undefined, 'five!', undefined, 'six...', undefined],
    'what is heavier than half of everything is not kept'
  )
})

t.test('what is deleted weighs nothing, young or old', async t => {
  const recent = new LruCache<string>(4)
  for (const key of ['a', 'b', 'c']) recent.set(key, key)
  for (const key of ['a', 'c', 'd']) recent.delete(key)
  t.strictSame(
    ['a', 'b', 'c'].map(key => recent.get(key)),
    [undefined, 'b', undefined]
  )
  recent.set('e', 'e')
  t.strictSame([recent.get('b'), recent.get('e')], ['b', 'e'])
  recent.clear()
  t.strictSame([recent.get('b'), recent.get('e')], [undefined, undefined])
})
