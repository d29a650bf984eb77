import { readFileSync } from 'node:fs'
import { Attacker } from './attacker.ts'
import { attacks } from './attacks.ts'

// The process of one attack. It starts with the message `go`, and sends the answers when the attack or its time ends.

/** The job of this process: JSON in its argument. */
export interface Start {
  port: number
  /** The file of the world. */
  world: string
  attack: string
}

const { port, world, attack: name }: Start = JSON.parse(process.argv[2] as string)
const attack = attacks.find(one => one.name === name)
if (!attack) throw new Error(`there is no attack ${name}`)
const attacker = new Attacker(port, JSON.parse(readFileSync(world, 'utf8')))
const run = await attack.prepare(attacker)

process.on('message', async (message: 'go' | 'tally') => {
  if (message === 'go') {
    attacker.forget()
    await run()
  }
  process.send?.(attacker.tally)
})
process.once('disconnect', () => process.exit())
process.send?.('ready')
