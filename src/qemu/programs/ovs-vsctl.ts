import { setTimeout as delay } from 'node:timers/promises'
import { QemuError } from '../../errors.ts'
import { type SwitchPort, addPortCommands } from '../command-line/devices/switch-port.ts'
import { EndCommand } from '../process/end-command.ts'
import { type Companion, findCompanion, requireCompanion } from './find-program.ts'
import { runHostProgram } from './host-program.ts'

/** What adds ports to Open vSwitch: ovs-vsctl(8). */
export const OVS_VSCTL: Companion = {
  name: 'ovs-vsctl',
  purpose: 'adds ports to Open vSwitch',
  package: 'openvswitch-switch',
  directories: [],
}

/** Seconds that ovs-vsctl waits for a switch that does not answer. */
const WAIT = '--timeout=10'

/** Why no port can be added to a bridge of Open vSwitch, with a hint; `undefined`: it can. */
export async function obstacleToPort(
  bridge: string,
): Promise<{ readonly reason: string; readonly hint: string } | undefined> {
  const program = await findCompanion(OVS_VSCTL)
  if (program === undefined) {
    const { name, purpose, package: wanted } = OVS_VSCTL
    return {
      reason: `${name}, which ${purpose}, is not installed`,
      hint: `Install the package ${wanted}`,
    }
  }
  const answer = await runHostProgram(program, [WAIT, 'br-exists', bridge])
  if (answer.kind === 'done') return undefined
  // ovs-vsctl(8): the exit code for a bridge that does not exist
  if (answer.code === 2)
    return {
      reason: `Open vSwitch has no bridge ${bridge}`,
      hint: `Create it: ovs-vsctl add-br ${bridge}`,
    }
  return { reason: `Open vSwitch does not answer: ${answer.reason}`, hint: 'Start Open vSwitch' }
}

/**
 * Makes a device a port of a bridge of Open vSwitch, with what controllers look for as libvirt writes it (external_ids in ovs-vswitchd.conf.db(5)). The port
 * disappears once nobody has the descriptor of the result open.
 * @throws QemuError QEMU_LACKS_FEATURE without ovs-vsctl, QEMU_START_FAILED with its reason
 */
export async function addSwitchPort(port: SwitchPort): Promise<EndCommand> {
  const program = await requireCompanion(OVS_VSCTL)
  const remove = ['--if-exists', 'del-port', port.bridge, port.name]
  await untilUnused(program, port.name)
  const end = await EndCommand.start(program, [WAIT, '--', ...remove])
  const answer = await runHostProgram(program, [WAIT, '--', ...remove, ...addPortCommands(port)])
  if (answer.kind === 'done') return end
  end[Symbol.dispose]()
  throw new QemuError(
    'QEMU_START_FAILED',
    `Could not make ${port.name} a port of the switch ${port.bridge}: ${answer.reason}`,
    { operation: 'connect a network card' },
  )
}

/** How long the port of a QEMU that has just ended may still be there. */
const LAST_MS = 3000
const LOOK_MS = 50

/** The end of that QEMU would otherwise remove the new port. */
async function untilUnused(program: string, name: string): Promise<void> {
  const deadline = performance.now() + LAST_MS
  while (performance.now() < deadline) {
    const answer = await runHostProgram(program, [WAIT, 'port-to-br', name])
    if (answer.kind === 'failed') return
    await delay(LOOK_MS)
  }
}
