/** A word of a text, in the one form in which words are compared, and where it stands. */
export interface Word {
  word: string
  start: number
  end: number
}

/** Words one after the other, as they must stand in a text. */
export type Phrase = [string, ...string[]]

/**
 * Chinese, Japanese and Korean are written without spaces: each character is a word, with the marks after it. A Korean
 * syllable may come in pieces. Elsewhere a word is letters, digits and marks in a row.
 */
const WORD =
  /[\u1100-\u115f][\u1160-\u11a7]+[\u11a8-\u11ff]*|[[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}]&&[\p{L}\p{N}]][\p{M}\uff9e\uff9f]*|[[\p{L}\p{N}\p{M}]--[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}]]+/gv

/** As much of a word is compared. What is longer is no word that anybody types. */
const WORD_LENGTH = 64

const ASCII = /^[\0-\x7f]*$/
const ACCENTS = /[\u0300-\u036f]/g
const NO_WORD = /[^\p{L}\p{N}\p{M}]/gu

/** A word without case, accents and forms of its letters that look different only. */
function fold(word: string): string {
  if (ASCII.test(word)) return word.toLowerCase().slice(0, WORD_LENGTH)
  const bare = word.normalize('NFKD').replace(ACCENTS, '').toUpperCase().toLowerCase().replaceAll('ς', 'σ')
  return bare.normalize('NFKC').replace(NO_WORD, '').slice(0, WORD_LENGTH)
}

export function words(text: string): Word[] {
  const found: Word[] = []
  for (const { 0: match, index } of text.matchAll(WORD)) {
    const word = fold(match)
    if (word !== '') found.push({ word, start: index, end: index + match.length })
  }
  return found
}

/** A text as the full-text index takes it: its words and nothing else. */
export function indexable(text: string): string {
  return words(text)
    .map(({ word }) => word)
    .join(' ')
}

/** What a query asks for, all of it: a phrase for whatever stands between white space. Its last word may go on. */
export function phrases(query: string): Phrase[] {
  return query
    .split(/\s+/)
    .map(part => words(part).map(({ word }) => word))
    .filter((phrase): phrase is Phrase => phrase.length > 0)
}

/** The same for FTS5. Words have no quotes in them, so that nothing in a query is syntax. */
export function matchExpression(asked: Phrase[]): string {
  return `${asked.map(phrase => `"${phrase.join(' ')}"`).join(' AND ')} *`
}

/** `text` as HTML, with what was asked for in `<mark>`. */
export function highlight(text: string, asked: Phrase[]): string {
  let html = ''
  let done = 0
  for (const [start, end] of places(words(text), asked)) {
    html += `${escapeHtml(text.slice(done, start))}<mark>${escapeHtml(text.slice(start, end))}</mark>`
    done = end
  }
  return html + escapeHtml(text.slice(done))
}

/** Where the phrases stand: ascending, those that touch or overlap as one. */
function places(text: Word[], asked: Phrase[]): [number, number][] {
  const byFirst = Map.groupBy(asked, ([first]) => first)
  const last = asked.at(-1)
  const found: [number, number][] = []
  for (const [i, { word, start }] of text.entries()) {
    const candidates = [...(byFirst.get(word) ?? []), ...(last ? [last] : [])]
    const lengths = candidates.filter(phrase => standsAt(text, i, phrase, phrase === last)).map(({ length }) => length)
    if (lengths.length === 0) continue
    const end = text[i + Math.max(...lengths) - 1]?.end as number
    const before = found.at(-1)
    if (before && before[1] >= start) before[1] = Math.max(before[1], end)
    else found.push([start, end])
  }
  return found
}

function standsAt(text: Word[], at: number, phrase: Phrase, open: boolean): boolean {
  return phrase.every((word, i) => {
    const here = text[at + i]?.word
    return here === word || (open && i === phrase.length - 1 && here?.startsWith(word))
  })
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character] as string)
}
