import { readFile, readdir } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { QemuError } from '../../errors.ts'
import { isThere } from '../../io/files/file-names.ts'
import type { MacvtapMode } from '../domain-xml/model/devices/interface.ts'
import { isMacvtap } from '../process/tap-devices.ts'
import { EndCommand } from '../process/end-command.ts'
import { type Companion, requireCompanion } from './find-program.ts'
import { runHostProgram } from './host-program.ts'

/** What makes macvtaps: ip(8) of iproute2. */
export const IP: Companion = {
  name: 'ip',
  purpose: 'makes a macvtap',
  package: 'iproute2',
  directories: ['/usr/sbin', '/sbin'],
}

/** A macvtap to make. */
export interface MacvtapRequest {
  readonly name: string
  /** The device of the host that it is on. */
  readonly device: string
  readonly mode: MacvtapMode
  readonly mac: string
}

/** libvirt's modes as ip-link(8) calls them. */
const MODES: Readonly<Record<MacvtapMode, string>> = {
  vepa: 'vepa',
  bridge: 'bridge',
  private: 'private',
  passthrough: 'passthru',
}

/**
 * Makes a macvtap, which disappears once nobody has the descriptor of the result open.
 * @throws QemuError QEMU_LACKS_FEATURE without ip(8), QEMU_START_FAILED with its reason
 */
export async function makeMacvtap(request: MacvtapRequest): Promise<EndCommand> {
  const { name, device, mode, mac } = request
  const ip = await requireCompanion(IP)
  await untilUnused(request)
  if (await isThere(`/sys/class/net/${name}`)) throw failure(request, 'it exists already')
  const end = await EndCommand.start(ip, ['link', 'delete', 'dev', name])
  const answer = await runHostProgram(ip, [
    ...['link', 'add', 'link', device, 'name', name, 'address', mac],
    ...['type', 'macvtap', 'mode', MODES[mode]],
  ])
  if (answer.kind === 'done') return end
  end[Symbol.dispose]()
  throw failure(request, answer.reason)
}

function failure({ name, device }: MacvtapRequest, reason: string): QemuError {
  return new QemuError(
    'QEMU_START_FAILED',
    `Could not make the macvtap ${name} on ${device}: ${reason}`,
    { operation: 'connect a network card' },
  )
}

/** How long the macvtap of a QEMU that has just ended may still be there. */
const LAST_MS = 3000
const LOOK_MS = 20

/** The kernel lets no two macvtaps of one device have the same address. */
async function untilUnused({ name, mac }: MacvtapRequest): Promise<void> {
  const deadline = performance.now() + LAST_MS
  while (performance.now() < deadline && (await isUsed(name, mac))) await delay(LOOK_MS)
}

async function isUsed(name: string, mac: string): Promise<boolean> {
  for (const one of await readdir('/sys/class/net').catch(() => [])) {
    if (!(await isMacvtap(one))) continue
    const address = await readFile(`/sys/class/net/${one}/address`, 'latin1').catch(() => '')
    if (one === name || address.trim() === mac) return true
  }
  return false
}
