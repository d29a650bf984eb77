import type { Growth } from './growth.ts'

const WIDTH = 262
const HEIGHT = 190
const LEFT = 46
const TOP = 44
const PLOT = { width: 196, height: 96 }
/** Distance from the ends of the axis to the first and the last size: room for their labels. */
const MARGIN = 20
/** Every plot has the same number of powers of ten, so that slopes of different plots can be compared. */
const DECADES = 4
const MOST_IN_A_ROW = 6

function toXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
}

function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`
  return value >= 1000 ? `${Number((value / 1000).toPrecision(3))}k` : String(value)
}

/** Returns the lowest power of ten of an axis that has these values near its middle. */
function lowest(values: number[]): number {
  const middle = (Math.log10(Math.min(...values)) + Math.log10(Math.max(...values))) / 2
  return Math.round(middle - DECADES / 2)
}

/** Draws a cost over the sizes, both on logarithmic axes. The sizes are about powers of ten, at equal distances. */
function plot(name: string, size: string, sizes: number[], values: number[], left: number, top: number): string {
  const known = values.flatMap((value, i) => (Number.isFinite(value) ? [{ value, i }] : []))
  const low = lowest(known.map(({ value }) => value))
  const x = (i: number) => left + LEFT + MARGIN + (i * (PLOT.width - 2 * MARGIN)) / Math.max(1, sizes.length - 1)
  const y = (value: number) => top + TOP + PLOT.height * (1 - (Math.log10(value) - low) / DECADES)
  const parts = [`<text x="${left + LEFT}" y="${top + 22}" class="name">${toXml(name)}</text>`]
  for (let power = low; power <= low + DECADES; power++) {
    const at = y(10 ** power).toFixed(1)
    parts.push(`<line x1="${left + LEFT}" x2="${left + LEFT + PLOT.width}" y1="${at}" y2="${at}" class="grid"/>`)
    parts.push(`<text x="${left + LEFT - 8}" y="${Number(at) + 4}" class="end">${short(10 ** power)}</text>`)
  }
  for (const [i, one] of sizes.entries()) {
    parts.push(`<text x="${x(i).toFixed(1)}" y="${top + TOP + PLOT.height + 16}" class="middle">${short(one)}</text>`)
  }
  parts.push(
    `<text x="${left + LEFT + PLOT.width / 2}" y="${top + TOP + PLOT.height + 32}" class="middle">${toXml(size)}</text>`,
    `<polyline points="${known.map(({ value, i }) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(' ')}"/>`
  )
  for (const { value, i } of known) {
    const at = y(value)
    parts.push(
      `<circle cx="${x(i).toFixed(1)}" cy="${at.toFixed(1)}" r="3"/>`,
      `<text x="${x(i).toFixed(1)}" y="${(at - 8).toFixed(1)}" class="value">${short(value)}</text>`
    )
  }
  return parts.join('\n')
}

/** Draws a row of small plots for each size. */
export function plots(grown: Growth[]): string {
  const parts: string[] = []
  let top = 0
  for (const { title, size, sizes, costs } of grown) {
    parts.push(`<text x="10" y="${top + 26}" class="row">${toXml(title)}</text>`)
    for (const [i, [name, values]] of Object.entries(costs).slice(0, MOST_IN_A_ROW).entries()) {
      parts.push(plot(name, size, sizes, values, i * WIDTH, top + 24))
    }
    top += HEIGHT + 34
  }
  const width = WIDTH * Math.max(...grown.map(({ costs }) => Object.keys(costs).length)) + 20
  const style = `text { font: 11px system-ui, sans-serif; fill: #222 } .row { font-weight: 600; font-size: 15px }
.name { font-weight: 600; font-size: 12px } .end { text-anchor: end } .middle, .value { text-anchor: middle }
.value { fill: #0b7a75 } .grid { stroke: #ddd } circle { fill: #0b7a75 } polyline { fill: none; stroke: #0b7a75; stroke-width: 2 }`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top}" viewBox="0 0 ${width} ${top}">
<style>${style}</style>
<rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
</svg>
`
}
