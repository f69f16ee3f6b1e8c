// Restores a domain lazily and is killed MS milliseconds after its guest runs: restore-and-die.ts STATE_DIR IMAGE MS
import { restoreDomain } from '../../src/index.ts'

const [stateDir = '', image = '', ms = ''] = process.argv.slice(2)
await restoreDomain(image, { stateDir, mode: 'lazy' })
if (ms === '0') process.kill(process.pid, 'SIGKILL')
setTimeout(() => process.kill(process.pid, 'SIGKILL'), Number(ms))
