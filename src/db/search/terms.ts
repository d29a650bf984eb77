/** A word of a text: its folded form, and its range in the text in code units. */
export interface Word {
  word: string
  start: number
  end: number
}

/** Words that must follow each other in a text. */
export type Phrase = [string, ...string[]]

/**
 * Scripts that are written without spaces between words. First the East Asian ones, whose letters are ideographs and
 * syllables (Line_Break=ID, H2, H3, CJ); then those of South East Asia (Line_Break=SA); then those of which UAX #14
 * breaks lines at any syllable (Line_Break=AK, AP, AS; https://www.unicode.org/reports/tr14/#LB28a).
 */
const EAST_ASIAN = ['Han', 'Hira', 'Kana', 'Hang', 'Bopo', 'Yiii', 'Nshu', 'Tang']
const SOUTH_EAST_ASIAN = ['Thai', 'Laoo', 'Khmr', 'Mymr', 'Tale', 'Talu', 'Lana', 'Tavt', 'Ahom']
const BY_SYLLABLES = ['Bali', 'Java', 'Batk', 'Cham', 'Kawi', 'Maka', 'Gran', 'Brah', 'Diak', 'Gukh', 'Tutg']

/** Letters and digits of these scripts: each is a word, together with the marks after it. */
const SPACELESS = `[[${[
  ...EAST_ASIAN.map(script => String.raw`\p{scx=${script}}`),
  ...[...SOUTH_EAST_ASIAN, ...BY_SYLLABLES].map(script => String.raw`\p{sc=${script}}`)
].join('')}]&&[\\p{L}\\p{N}]]`

/** A word: a Korean syllable (composed or not), a character of those scripts, or a run of letters, digits and marks. */
const WORD = new RegExp(
  String.raw`[\u1100-\u115f][\u1160-\u11a7]+[\u11a8-\u11ff]*|${SPACELESS}[\p{M}\uff9e\uff9f]*|[[[\p{L}\p{N}]--${SPACELESS}]\p{M}]+`,
  'gv'
)

/** Characters of a word that are compared: nobody types longer words. */
const WORD_LENGTH = 64
/** Code units of a word that are read: enough for 64 characters with their marks. */
const READ_LENGTH = 512

const ASCII = /^[\0-\x7f]*$/
const MARKS = /\p{M}+/gu
/**
 * Marks in a row that are read: the limit of the Stream-Safe Text Format
 * (https://www.unicode.org/reports/tr15/#UAX15-D4). Normalization sorts them in quadratic time.
 */
const MAX_MARKS = 30
/**
 * Marks and letters that are removed before words are compared: accents; the points of Arabic, Hebrew and related
 * scripts, which few people type; tatweel, which only stretches a word; variation selectors. Vowel signs of other
 * scripts are not accents.
 */
const IGNORED = new RegExp(
  String.raw`[\u0300-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0640\p{Variation_Selector}` +
    String.raw`[[\p{scx=Arab}\p{scx=Hebr}\p{scx=Syrc}\p{scx=Samr}\p{scx=Mand}]&&\p{Mn}]]+`,
  'gv'
)
/**
 * Letters that are replaced by others before words are compared: the Greek final sigma, and the forms of alef, heh, yeh
 * and kaf that Lucene folds
 * (https://lucene.apache.org/core/10_0_0/analysis/common/org/apache/lucene/analysis/ar/ArabicNormalizer.html and
 * PersianNormalizer).
 */
const EQUIVALENT: Record<string, string> = {
  ς: 'σ',
  ٱ: 'ا',
  ٲ: 'ا',
  ٳ: 'ا',
  ة: 'ه',
  ہ: 'ه',
  ى: 'ي',
  ی: 'ي',
  ے: 'ي',
  ک: 'ك'
}
const HAS_EQUIVALENT = new RegExp(`[${Object.keys(EQUIVALENT).join('')}]`, 'g')
const NO_WORD = /[^\p{L}\p{N}\p{M}\n]+/gu

/** Folds words that stand one a line. */
function foldLines(lines: string): string {
  if (ASCII.test(lines)) return lines.toLowerCase()
  const folded = lines.replace(MARKS, firstMarks).normalize('NFKD').toUpperCase().toLowerCase().replace(IGNORED, '')
  const letters = folded.replace(HAS_EQUIVALENT, letter => EQUIVALENT[letter] as string)
  return letters.normalize('NFKC').replace(NO_WORD, '')
}

function firstMarks(marks: string): string {
  return marks.slice(0, MAX_MARKS)
}

/** The first 64 characters (code points). */
function characters(word: string): string {
  return word.length <= WORD_LENGTH
    ? word
    : Array.from(word.slice(0, 2 * WORD_LENGTH))
        .slice(0, WORD_LENGTH)
        .join('')
}

/**
 * Folds words to the form in which they are compared: without differences of case, accents and compatibility forms, and
 * at most 64 characters (code points) each. A word may become empty. One call folds all words of a text, in linear
 * time: a call for each word would take ten times as long.
 */
export function fold(words: string[]): string[] {
  if (words.length === 0) return []
  return foldLines(words.map(word => word.slice(0, READ_LENGTH)).join('\n'))
    .split('\n')
    .map(characters)
}

/** Returns the words of a text in their order, in linear time. */
export function words(text: string): Word[] {
  const matches = Array.from(text.matchAll(WORD), ({ 0: match, index }) => ({ match, index }))
  const folded = fold(matches.map(({ match }) => match))
  const result: Word[] = []
  for (const [i, { match, index }] of matches.entries()) {
    const word = folded[i] as string
    if (word !== '') result.push({ word, start: index, end: index + match.length })
  }
  return result
}

/** Joins words with spaces: the text that the full-text index holds. */
export function join(words: Word[]): string {
  return words.map(({ word }) => word).join(' ')
}

/**
 * Returns the different phrases of a query, the last one last. White space separates phrases. A message must contain
 * all of them; the last word of the last phrase is a prefix.
 */
export function phrases(query: string): Phrase[] {
  const all = query
    .split(/\s+/)
    .map(part => words(part).map(({ word }) => word))
    .filter((phrase): phrase is Phrase => phrase.length > 0)
  const last = all.pop()
  if (!last) return []
  const others = new Map(all.map(phrase => [phrase.join(' '), phrase]))
  return [...others.values(), last]
}

/**
 * Returns a function that checks whether the words of a text, as `join` returns them, contain all phrases of a query.
 */
export function matcher(query: Phrase[]): (indexed: string) => boolean {
  const needles = query.map(phrase => ` ${phrase.join(' ')}${phrase === query.at(-1) ? '' : ' '}`)
  return indexed => {
    const text = ` ${indexed} `
    return needles.every(needle => text.includes(needle))
  }
}
