import { runWaiting } from '../part.ts'

await runWaiting()
