/** Maximum number of cookies of one name that are read. Browsers send fewer. */
const MAX_COOKIES = 10

/**
 * Returns the values of all cookies of this name in a Cookie header, in their order, without the quotes that a value may
 * have (RFC 6265, section 4.1.1). A header can have several, because another server of the same site can set a cookie of
 * this name for the whole domain.
 */
export function cookiesNamed(name: string, header: string | undefined): string[] {
  const values: string[] = []
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=')
    if (at === -1 || pair.slice(0, at).trim() !== name) continue
    const value = pair.slice(at + 1).trim()
    values.push(/^".*"$/.test(value) ? value.slice(1, -1) : value)
    if (values.length === MAX_COOKIES) break
  }
  return values
}
