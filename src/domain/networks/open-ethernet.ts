import { QemuError, inOneLine, messageOf } from '../../errors.ts'
import { checkTrustedProgram } from '../../io/files/trusted-file.ts'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { runProgram } from '../../io/processes/run-program.ts'
import { bringUp } from '../../io/sockets/network-device.ts'
import { openMacvtap, openTap } from '../../io/sockets/tap-device.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import { EndCommand } from '../../qemu/process/end-command.ts'
import { isMacvtap } from '../../qemu/process/tap-devices.ts'
import { type OpenTap, attempt, configure, makeTap, nameFor, tapRequest } from './open-tap.ts'

/** How long a script may take. */
const SCRIPT_MS = 60_000

/**
 * Opens the tap device of a card of type `ethernet`. One that is not managed exists, and stays as it is; it may be a macvtap. Another one is made, and set up
 * by the script that the XML names, as with libvirt.
 * @throws QemuError QEMU_START_FAILED; StorageError UNSAFE_FILE and others for a script
 */
export async function openEthernet(card: NetworkInterface): Promise<OpenTap> {
  const { targetDevice, managed } = card
  if (targetDevice !== undefined && !managed) {
    const open = (await isMacvtap(targetDevice)) ? openMacvtap : openTap
    const { fds } = attempt(card, `open the tap device ${targetDevice}`, () =>
      open(tapRequest(card, targetDevice)),
    )
    return { fds, endCommands: [] }
  }
  const tap = attempt(card, 'make a tap device', () =>
    makeTap(card, nameFor(card, 'stasis%d'), (name) => {
      configure(name, card, card.mtu)
      bringUp(name)
    }),
  )
  try {
    return { fds: tap.fds, endCommands: await runScripts(card, tap.name) }
  } catch (error) {
    for (const fd of tap.fds) closeDescriptor(fd)
    throw error
  }
}

/** Runs the script of a new device. The other one runs once QEMU has ended. */
async function runScripts(card: NetworkInterface, device: string): Promise<readonly EndCommand[]> {
  const [script, downscript] = [card.script, card.downscript].map((one) =>
    one === 'no' || one === '' ? undefined : one,
  )
  if (downscript !== undefined) await checkTrustedProgram(downscript)
  const end = downscript === undefined ? [] : [await EndCommand.start(downscript, [device])]
  try {
    if (script !== undefined) await runScript(card, script, device)
    return end
  } catch (error) {
    for (const one of end) one[Symbol.dispose]()
    throw error
  }
}

async function runScript(card: NetworkInterface, path: string, device: string): Promise<void> {
  await checkTrustedProgram(path)
  const run = { path, args: [device], env: cleanEnvironment(), input: '', timeoutMs: SCRIPT_MS }
  const fault = await runProgram(run).then(
    ({ end, status, output }) =>
      end === 'exit' && status === 0 ? undefined : `${inOneLine(output.trim())} (${end} ${status})`,
    messageOf,
  )
  if (fault === undefined) return
  throw new QemuError('QEMU_START_FAILED', `${card.place}/script: ${path} failed: ${fault}`, {
    ...{ operation: 'connect a network card', path },
  })
}
