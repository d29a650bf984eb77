/** A word of a text, in the one form in which words are compared, and where it stands. */
export interface Word {
  word: string
  start: number
  end: number
}

/** Words one after the other, as they must stand in a text. */
export type Phrase = [string, ...string[]]

/**
 * Scripts that are written without spaces between words. First the East Asian ones, whose letters are ideographs and
 * syllables (Line_Break=ID, H2, H3, CJ); then those of South East Asia (Line_Break=SA); then those of which UAX #14
 * breaks lines at any syllable (Line_Break=AK, AP, AS; https://www.unicode.org/reports/tr14/#LB28a).
 */
const EAST_ASIAN = ['Han', 'Hira', 'Kana', 'Hang', 'Bopo', 'Yiii', 'Nshu', 'Tang']
const SOUTH_EAST_ASIAN = ['Thai', 'Laoo', 'Khmr', 'Mymr', 'Tale', 'Talu', 'Lana', 'Tavt', 'Ahom']
const BY_SYLLABLES = ['Bali', 'Java', 'Batk', 'Cham', 'Kawi', 'Maka', 'Gran', 'Brah', 'Diak', 'Gukh', 'Tutg']

/** Letters and digits of these scripts: each is a word of its own, with the marks after it. */
const SPACELESS = `[[${[
  ...EAST_ASIAN.map(script => String.raw`\p{scx=${script}}`),
  ...[...SOUTH_EAST_ASIAN, ...BY_SYLLABLES].map(script => String.raw`\p{sc=${script}}`)
].join('')}]&&[\\p{L}\\p{N}]]`

/** A Korean syllable, which may come in pieces; such a character; elsewhere letters, digits and marks in a row. */
const WORD = new RegExp(
  String.raw`[\u1100-\u115f][\u1160-\u11a7]+[\u11a8-\u11ff]*|${SPACELESS}[\p{M}\uff9e\uff9f]*|[[[\p{L}\p{N}]--${SPACELESS}]\p{M}]+`,
  'gv'
)

/** So many characters of a word are compared: nobody types longer ones. */
const WORD_LENGTH = 64
/** So many code units of a word are looked at: 64 characters, each with what may be on it. */
const LOOKED_AT = 512

const ASCII = /^[\0-\x7f]*$/
const MARKS = /\p{M}+/gu
/**
 * Of marks in a row, so many are looked at: the bound of the Stream-Safe Text Format
 * (https://www.unicode.org/reports/tr15/#UAX15-D4). Normalization sorts them, in a time that is quadratic in their number.
 */
const MARKS_LOOKED_AT = 30
/**
 * Marks and letters that are left out before words are compared: accents; the points of Arabic, Hebrew and related
 * scripts, which hardly anybody types; tatweel, which only stretches a word; variation selectors. Vowel signs of other
 * scripts are no accents.
 */
const LEFT_OUT = new RegExp(
  String.raw`[\u0300-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0640\p{Variation_Selector}` +
    String.raw`[[\p{scx=Arab}\p{scx=Hebr}\p{scx=Syrc}\p{scx=Samr}\p{scx=Mand}]&&\p{Mn}]]+`,
  'gv'
)
/**
 * Letters that are compared as others: the Greek final sigma, and the forms of alef, heh, yeh and kaf that Lucene folds
 * (https://lucene.apache.org/core/10_0_0/analysis/common/org/apache/lucene/analysis/ar/ArabicNormalizer.html and
 * PersianNormalizer).
 */
const SAME: Record<string, string> = {
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
const HAS_SAME = new RegExp(`[${Object.keys(SAME).join('')}]`, 'g')
const NO_WORD = /[^\p{L}\p{N}\p{M}\n]+/gu

/** Words, one a line, without case, accents and forms of their letters that look different only. */
function foldLines(lines: string): string {
  if (ASCII.test(lines)) return lines.toLowerCase()
  const bare = lines.replace(MARKS, firstMarks).normalize('NFKD').toUpperCase().toLowerCase().replace(LEFT_OUT, '')
  const same = bare.replace(HAS_SAME, letter => SAME[letter] as string)
  return same.normalize('NFKC').replace(NO_WORD, '')
}

function firstMarks(marks: string): string {
  return marks.slice(0, MARKS_LOOKED_AT)
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
 * Words in the form in which they are compared: without case, accents and forms of their letters that look different
 * only, and at most 64 characters (code points) of each. Empty for a word of which nothing is left. All are folded at
 * once, as a call for each would take ten times as long; it is linear in their length.
 */
export function fold(words: string[]): string[] {
  if (words.length === 0) return []
  return foldLines(words.map(word => word.slice(0, LOOKED_AT)).join('\n'))
    .split('\n')
    .map(characters)
}

/** The words of a text, in its order. Takes a time that is linear in its length. */
export function words(text: string): Word[] {
  const matches = Array.from(text.matchAll(WORD), ({ 0: match, index }) => ({ match, index }))
  const folded = fold(matches.map(({ match }) => match))
  const found: Word[] = []
  for (const [i, { match, index }] of matches.entries()) {
    const word = folded[i] as string
    if (word !== '') found.push({ word, start: index, end: index + match.length })
  }
  return found
}

/** Words as the full-text index takes them: with a space between them. */
export function join(words: Word[]): string {
  return words.map(({ word }) => word).join(' ')
}

/**
 * The phrases of a query, all of which are asked for: each is what stands between white space. The last word of the last
 * one may go on. A phrase that is asked for twice counts once.
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

/** A function that tells of the words of a text, as `join` gave them, whether they have all that is asked for. */
export function finder(asked: Phrase[]): (indexed: string) => boolean {
  const needles = asked.map(phrase => ` ${phrase.join(' ')}${phrase === asked.at(-1) ? '' : ' '}`)
  return indexed => {
    const text = ` ${indexed} `
    return needles.every(needle => text.includes(needle))
  }
}
