const ASCII = /^[\0-\x7f]*$/
const ACCENTS = /[\u0300-\u036f]/g

/**
 * Removes differences of case, accents and compatibility forms of letters (full width, ligatures) from a text. Spaces
 * and punctuation stay. Texts of any script that readers consider equal have the same folded text.
 */
export function foldText(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase()
  // Upper case first: it unifies letters with several lower-case forms, such as ß and ss.
  const bare = text.normalize('NFKD').toUpperCase().toLowerCase().replace(ACCENTS, '').replaceAll('ς', 'σ')
  return bare.normalize('NFKC')
}
