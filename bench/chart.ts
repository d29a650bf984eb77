import type { Figures } from './run.ts'

const COLOURS = ['#0b7a75', '#d1495b', '#8d6a9f', '#30638e', '#edae49']
const WIDTH = 860
const BAR = 18
const LEFT = 210
const RIGHT = 250

function toXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
}

/** Draws a bar for each server and row: deliveries a second, on a scale for each row, with p50 and p99 beside it. */
export function chart(figures: Figures): string {
  const parts: string[] = []
  let y = 30
  for (const [row, servers] of Object.entries(figures)) {
    parts.push(`<text x="10" y="${y}" class="row">${toXml(row)}</text>`)
    y += 10
    const most = Math.max(...Object.values(servers).map(({ deliveries }) => deliveries))
    for (const [i, [name, { deliveries, p50, p99 }]] of Object.entries(servers).entries()) {
      const width = Math.max(1, (deliveries / most) * (WIDTH - LEFT - RIGHT))
      const middle = y + BAR / 2 + 4
      parts.push(
        `<text x="${LEFT - 8}" y="${middle}" class="name">${toXml(name)}</text>`,
        `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 3}" fill="${COLOURS[i % COLOURS.length]}"/>`,
        `<text x="${(LEFT + width + 6).toFixed(1)}" y="${middle}">${deliveries.toLocaleString('en')}/s · p50 ${p50} ms · p99 ${p99} ms</text>`
      )
      y += BAR
    }
    y += 34
  }
  const style =
    'text { font: 12px system-ui, sans-serif; fill: #222 } .row { font-weight: 600; font-size: 14px } .name { text-anchor: end }'
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}">
<style>${style}</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="12">Messages delivered a second; longer is better</text>
${parts.join('\n')}
</svg>
`
}
