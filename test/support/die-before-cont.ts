// Saves the domain `tiny` by precopy, and is killed once QEMU has sent everything, before the guest is resumed: die-before-cont.ts STATE_DIR IMAGE
// Its watcher is killed before it if STASIS_TEST_ALONE is set.
import { saveLive } from '../../src/index.ts'
import { QmpConnection } from '../../src/qmp/connection.ts'
import { killWatchers } from './watchers.ts'

const [stateDir = '', image = ''] = process.argv.slice(2)
const { prototype } = QmpConnection
const method = Object.getOwnPropertyDescriptor(prototype, 'execute') as PropertyDescriptor
const execute = method.value as (...call: unknown[]) => unknown
Object.defineProperty(prototype, 'execute', {
  ...method,
  value(this: QmpConnection, ...call: readonly unknown[]) {
    if (call[0] === 'cont') {
      if (process.env['STASIS_TEST_ALONE'] !== undefined) killWatchers(stateDir)
      process.kill(process.pid, 'SIGKILL')
    }
    return Reflect.apply(execute, this, call)
  },
})
await saveLive('tiny', image, { stateDir, way: 'precopy', timeoutMs: 300 })
