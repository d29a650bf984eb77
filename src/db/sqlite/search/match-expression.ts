import type Sqlite from 'better-sqlite3'
import type { Phrase } from '../../search/terms.ts'

/** A word is rare when the index has it, or words that begin with it, less often than this. */
const RARE = 5000
/** Words of a query whose frequency is counted: the longest ones. */
const COUNTED_WORDS = 8
/** The index has the prefixes of words up to this length, in characters. */
const PREFIX_LENGTH = 3

interface TermRange {
  from: string
  to: string
}

/**
 * Returns a generator that chooses the word of a query by which the index is searched: a rare one, if there is any.
 * Whether a message has the other words is decided later, by comparing its words. FTS5 itself would block the event
 * loop for long: it looks for the next message with all words, and merges all messages that have a word with some
 * prefix, through the whole index at once, however few messages of one chat are wanted (`fts5ExprNodeTest_AND`,
 * `fts5SetupPrefixIter` in https://sqlite.org/src/file/ext/fts5).
 *
 * The result is an expression of FTS5. Words contain no quotes, so nothing in a query is syntax.
 */
export function matchExpressions(client: Sqlite.Database) {
  client.exec(
    "create virtual table if not exists temp.search_words using fts5vocab (main, messages_search, 'instance')"
  )
  const count = client
    .prepare<[TermRange], number>(
      `select count(*) from (select 1 from temp.search_words where term >= @from and term <= @to limit ${RARE})`
    )
    .pluck()

  return function* chooseMatch(query: Phrase[]): Generator<void, string> {
    const words = query.flat()
    /** The last word: the user may still be typing it. */
    const open = words.pop() as string
    const whole = [...new Set(words)].sort((a, b) => b.length - a.length).slice(0, COUNTED_WORDS)
    let chosen = whole[0] === undefined ? prefix(firstCharacters(open, PREFIX_LENGTH)) : quoted(whole[0])
    let least = RARE
    for (const [expression, range] of [
      ...whole.map(word => [quoted(word), { from: word, to: word }] as const),
      [prefix(open), { from: open, to: `${open}\u{10ffff}` }] as const
    ]) {
      const occurrences = count.get(range) as number
      if (occurrences < least) {
        least = occurrences
        chosen = expression
      }
      yield
    }
    return chosen
  }
}

function quoted(word: string): string {
  return `"${word}"`
}

function prefix(word: string): string {
  return `"${word}" *`
}

/** The first characters (code points) of a word. */
function firstCharacters(word: string, count: number): string {
  return Array.from(word).slice(0, count).join('')
}
