import type { SavedMachine } from '../../image/saved-machine.ts'
import { openPagesSender } from '../../transfer/image-senders/pages.ts'
import { NEEDS_NOTHING } from '../machine/launch/launch-needs.ts'
import { completeSource } from './complete-source.ts'
import { sendMachine } from './send-machine.ts'
import type { LoadedMachine, OpenLoader } from './source-choice.ts'

/**
 * Loads an image whose pages have random access. Workers fill the machine's RAM, which is in memory files, while QEMU starts. The other blocks and
 * the devices go through the socket. `undefined` for another image.
 */
export function considerLoad(
  { path, pages, deviceState }: SavedMachine,
  { backends }: LoadedMachine,
): OpenLoader | undefined {
  if (pages === undefined || deviceState === undefined) return undefined
  return ({ paths, ...options }) => {
    const sender = openPagesSender(path, pages, deviceState, { ...options, backends })
    const memory = [...sender.memoryFiles].map(([id, fd]) => [id, { fd, share: true }] as const)
    return completeSource({
      launchNeeds: { ...NEEDS_NOTHING, memory: new Map(memory) },
      bring: (qemu, options) => sendMachine(qemu, sender, paths.migrationSocket, options),
      brought: { mode: 'load', allMemory: true },
      dispose: () => sender[Symbol.asyncDispose](),
    })
  }
}
