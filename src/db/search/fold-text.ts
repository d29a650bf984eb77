const ASCII = /^[\0-\x7f]*$/
const ACCENTS = /[\u0300-\u036f]/g

/**
 * A text without case, without accents and without forms of letters that only look different (full width, ligatures).
 * Spaces and punctuation stay. Two texts that a reader takes for the same have the same folded text, in any script.
 */
export function foldText(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase()
  // Upper case first: it makes one of letters that have several lower-case forms, such as ß and ss.
  const bare = text.normalize('NFKD').toUpperCase().toLowerCase().replace(ACCENTS, '').replaceAll('ς', 'σ')
  return bare.normalize('NFKC')
}
