import { join, matcher, type Phrase, type Word, words } from './terms.ts'

/** A state of the automaton: the longest beginning of a phrase with which the words read so far end. */
interface State {
  /** By the next word: the state in which one more word of the phrase is read. */
  readonly next: Map<string, State>
  /** The number of words of this beginning. */
  readonly length: number
  /** The failure link: the next shorter beginning of a phrase with which the words end. */
  shorter: State | undefined
  /** The number of words of the longest phrase that ends here; 0 when none does. */
  ends: number
  /** The number of words of the last phrase without its last word, when these words end here. */
  opens: number | undefined
}

/**
 * Returns a function that returns a text as HTML with the words of the query in `<mark>`; undefined when the text does
 * not contain all phrases of the query. The time is linear in the length of the text, whatever the query.
 */
export function highlighter(query: Phrase[]): (text: string) => string | undefined {
  const matches = matcher(query)
  const start = automaton(query)
  const open = query.at(-1)?.at(-1) as string
  return text => {
    const textWords = words(text)
    return matches(join(textWords)) ? mark(text, ranges(textWords, start, open)) : undefined
  }
}

function mark(text: string, ranges: [number, number][]): string {
  let html = ''
  let position = 0
  for (const [start, end] of ranges) {
    html += `${escapeHtml(text.slice(position, start))}<mark>${escapeHtml(text.slice(start, end))}</mark>`
    position = end
  }
  return html + escapeHtml(text.slice(position))
}

/** The automaton of Aho and Corasick (https://doi.org/10.1145/360825.360855) on words instead of characters. */
function automaton(query: Phrase[]): State {
  const start = state(0)
  const last = query.at(-1) as Phrase
  for (const phrase of query) {
    let at = start
    for (const [i, word] of phrase.entries()) {
      if (phrase === last && i === phrase.length - 1) at.opens = i
      const next = at.next.get(word) ?? state(i + 1)
      at.next.set(word, next)
      at = next
    }
    at.ends = phrase.length
  }
  // Breadth first: the failure link of a state leads to a shorter state, which must be complete.
  const states = [start]
  for (const from of states) {
    for (const [word, to] of from.next) {
      to.shorter = from === start ? start : follow(from.shorter as State, word)
      to.ends ||= to.shorter.ends
      to.opens ??= to.shorter.opens
      states.push(to)
    }
  }
  return start
}

function state(length: number): State {
  return { next: new Map(), length, shorter: undefined, ends: 0, opens: undefined }
}

function follow(from: State, word: string): State {
  let at: State = from
  for (;;) {
    const next = at.next.get(word)
    if (next) return next
    if (!at.shorter) return at
    at = at.shorter
  }
}

/**
 * The ranges of the phrases, ascending; touching or overlapping ones are merged. The last word of the query is a
 * prefix.
 */
function ranges(text: Word[], start: State, open: string): [number, number][] {
  const merged: [number, number][] = []
  let at = start
  for (const [i, { word, end }] of text.entries()) {
    const opened = at.opens !== undefined && word.startsWith(open) ? at.opens + 1 : 0
    at = follow(at, word)
    const length = Math.max(opened, at.ends)
    if (length === 0) continue
    let from = text[i - length + 1]?.start as number
    for (let before = merged.at(-1); before && before[1] >= from; before = merged.at(-1)) {
      from = Math.min(from, before[0])
      merged.pop()
    }
    merged.push([from, end])
  }
  return merged
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character] as string)
}
