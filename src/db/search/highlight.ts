import { finder, join, type Phrase, type Word, words } from './terms.ts'

/** A state of the reader of a text: how much of which phrase the words end with that have been read. */
interface State {
  /** By the next word, how much more of a phrase it would be. */
  readonly next: Map<string, State>
  /** How many words of the text these are. */
  readonly length: number
  /** The longest other beginning of a phrase that the text ends with here. */
  shorter: State | undefined
  /** Words of the longest phrase that ends here; 0 when none does. */
  ends: number
  /** Words of the last phrase, all but its last one, when they end here. */
  opens: number | undefined
}

/**
 * Returns a function that gives a text as HTML, with what is asked for in `<mark>`; undefined when the text does not have
 * all of it. It takes a time that is linear in the text, whatever the query.
 */
export function highlighter(asked: Phrase[]): (text: string) => string | undefined {
  const has = finder(asked)
  const start = automaton(asked)
  const open = asked.at(-1)?.at(-1) as string
  return text => {
    const found = words(text)
    return has(join(found)) ? mark(text, places(found, start, open)) : undefined
  }
}

function mark(text: string, places: [number, number][]): string {
  let html = ''
  let done = 0
  for (const [start, end] of places) {
    html += `${escapeHtml(text.slice(done, start))}<mark>${escapeHtml(text.slice(start, end))}</mark>`
    done = end
  }
  return html + escapeHtml(text.slice(done))
}

/** The automaton of Aho and Corasick (https://doi.org/10.1145/360825.360855), with words in the place of characters. */
function automaton(asked: Phrase[]): State {
  const start = state(0)
  const last = asked.at(-1) as Phrase
  for (const phrase of asked) {
    let at = start
    for (const [i, word] of phrase.entries()) {
      if (phrase === last && i === phrase.length - 1) at.opens = i
      const next = at.next.get(word) ?? state(i + 1)
      at.next.set(word, next)
      at = next
    }
    at.ends = phrase.length
  }
  // Shorter ones first, as each looks at those.
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

/** Where the phrases stand: ascending, those that touch or overlap as one. The last word of the last may go on. */
function places(text: Word[], start: State, open: string): [number, number][] {
  const found: [number, number][] = []
  let at = start
  for (const [i, { word, end }] of text.entries()) {
    const opened = at.opens !== undefined && word.startsWith(open) ? at.opens + 1 : 0
    at = follow(at, word)
    const length = Math.max(opened, at.ends)
    if (length === 0) continue
    let from = text[i - length + 1]?.start as number
    for (let before = found.at(-1); before && before[1] >= from; before = found.at(-1)) {
      from = Math.min(from, before[0])
      found.pop()
    }
    found.push([from, end])
  }
  return found
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character] as string)
}
