import type Sqlite from 'better-sqlite3'
import type { Phrase } from '../../search/terms.ts'

/** A word is rare when it, or what begins with it, is in the index less often than this. */
const RARE = 5000
/** Of the words that are asked for, so many are counted, the longest. */
const COUNTED = 8
/** The index has the beginnings of words up to this length, in characters. */
const PREFIX = 3

interface Range {
  from: string
  to: string
}

/**
 * Finds the one word by which the index is entered for a query; whether a message has all the rest is then decided by
 * its words. Left to FTS5, a query would hold the event loop: it looks for the next message with all words, and puts
 * together all that have a word of some beginning, through the whole index at once, however few messages are wanted of
 * whichever chat (`fts5ExprNodeTest_AND`, `fts5SetupPrefixIter` in https://sqlite.org/src/file/ext/fts5).
 *
 * The result is an expression of FTS5. Words have no quotes in them, so that nothing in a query is syntax.
 */
export function entryFinder(client: Sqlite.Database) {
  client.exec(
    "create virtual table if not exists temp.search_words using fts5vocab (main, messages_search, 'instance')"
  )
  const count = client
    .prepare<[Range], number>(
      `select count(*) from (select 1 from temp.search_words where term >= @from and term <= @to limit ${RARE})`
    )
    .pluck()

  return function* entry(asked: Phrase[]): Generator<void, string> {
    const all = asked.flat()
    const open = all.pop() as string
    const whole = [...new Set(all)].sort((a, b) => b.length - a.length).slice(0, COUNTED)
    let entry = whole[0] === undefined ? beginning(characters(open, PREFIX)) : quoted(whole[0])
    let least = RARE
    for (const [expression, range] of [
      ...whole.map(word => [quoted(word), { from: word, to: word }] as const),
      [beginning(open), { from: open, to: `${open}\u{10ffff}` }] as const
    ]) {
      const times = count.get(range) as number
      if (times < least) {
        least = times
        entry = expression
      }
      yield
    }
    return entry
  }
}

function quoted(word: string): string {
  return `"${word}"`
}

function beginning(word: string): string {
  return `"${word}" *`
}

/** The first characters (code points) of a word. */
function characters(word: string, count: number): string {
  return Array.from(word).slice(0, count).join('')
}
