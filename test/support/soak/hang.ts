import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { domainInfo } from '../../../src/index.ts'
import { QmpConnection } from '../../../src/qmp/connection.ts'

const ASKED = [
  'info status',
  'info registers',
  'info pic',
  'info irq',
  'info chardev',
  'info migrate',
]

/** What QEMU says about a guest that does not answer, twice, a second apart. Never throws. */
export async function describeHang(stateDir: string, name: string): Promise<string> {
  const lines: string[] = []
  try {
    const { state, ...info } = await domainInfo(name, { stateDir })
    lines.push(`${name}: ${state}`, JSON.stringify(info))
    await using qmp = await QmpConnection.connect(join(stateDir, 'run', name, 'query.sock'))
    for (let look = 1; look <= 2; look += 1) {
      for (const command of ASKED) {
        const argument = { 'command-line': command }
        const text = await qmp.execute('human-monitor-command', argument).catch(String)
        lines.push(`(${look}) ${command}`, String(text))
      }
      await delay(1000)
    }
  } catch (error) {
    lines.push(String(error))
  }
  return lines.join('\n')
}
