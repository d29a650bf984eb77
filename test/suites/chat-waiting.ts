import { runSuite } from '../suite.ts'

await runSuite('chat-waiting')
