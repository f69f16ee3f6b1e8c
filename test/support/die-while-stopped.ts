// Saves the domain `tiny` while it runs, by the way `mapped`, and is killed while the guest is stopped: die-while-stopped.ts STATE_DIR IMAGE
import { saveLive } from '../../src/index.ts'
import { PrivateRam } from '../../src/transfer/live/private-ram.ts'

const [stateDir = '', image = ''] = process.argv.slice(2)
PrivateRam.prototype.copy = () => {
  process.kill(process.pid, 'SIGKILL')
  return Promise.resolve(undefined)
}
await saveLive('tiny', image, { stateDir })
