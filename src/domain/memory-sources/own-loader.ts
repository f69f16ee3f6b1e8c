import type { MappedRamFile, PageStore, SavedMachine } from '../../image/saved-machine.ts'
import { startIncoming } from '../../migration/incoming.ts'
import { bytesReadBy } from '../../qemu/host-facts.ts'
import { fileUri } from '../../transfer/file-uri.ts'
import type { TransferProgress } from '../../transfer/image-receiver.ts'
import { blockOfBackend } from '../../transfer/image-senders/backend-block.ts'
import { watchTransfer } from '../progress/transfer-meter.ts'
import { completeSource } from './complete-source.ts'
import type { BringOptions, WaitingQemu } from './memory-source.ts'
import type { LoadedMachine, OpenLoader } from './source-choice.ts'

/**
 * Leaves the loading to QEMU's own mapped-ram loader, with one channel for each reader. Each channel reads the places of its pages. QEMU gets the
 * very file that was opened and checked. `undefined` for a QEMU without such a loader, or another image.
 */
export function considerOwnLoader(
  { path, pages, mappedRam, digest }: SavedMachine,
  { backends, capabilities }: LoadedMachine,
): OpenLoader | undefined {
  // Only our own loader compares with a digest.
  if (digest?.state === 'fits') return undefined
  if (mappedRam === undefined || !capabilities.includes('mapped-ram')) return undefined
  return ({ readers }) => {
    for (const backend of backends) blockOfBackend(path, pages?.blocks ?? [], backend)
    return completeSource({
      bring: (qemu, options) => load(qemu, mappedRam, { ...options, readers, pages }),
      brought: { mode: 'load', allMemory: true },
    })
  }
}

async function load(
  { control, pid, view, fresh, features }: WaitingQemu,
  file: MappedRamFile,
  options: BringOptions & { readonly readers: number; readonly pages: PageStore | undefined },
): Promise<void> {
  const { readers, pages, signal, report } = options
  const known = await features()
  using _meter = watchTransfer(readProgress(pid, pages), (measure) =>
    report({ phase: 'loading', ...measure }),
  )
  const { fd, offset } = file
  const directIo = file.direct && known.directIo
  const uri = fileUri(fd, offset)
  await using lent = await view.lend({ fd, offset, access: 'read', direct: directIo, uri }, signal)
  const incoming = await startIncoming(control, {
    uri: lent.uri,
    features: known,
    fresh,
    mappedRam: true,
    directIo,
    channels: readers,
    multifdCompression: 'none',
    signal,
  })
  await incoming.completed()
}

/** QEMU does not report the progress of an incoming file, so the number of bytes that it has read takes its place. */
function readProgress(
  pid: number | undefined,
  pages: PageStore | undefined,
): () => TransferProgress {
  const before = bytesReadBy(pid)
  // Zero pages need not be loaded.
  let ramTotalBytes = 0
  for (let frame = 0; frame < (pages?.frameCount ?? 0); frame += 1)
    ramTotalBytes += pages?.storedLength(frame) ?? 0
  return () => {
    const done = Math.min(bytesReadBy(pid) - before, ramTotalBytes)
    return {
      ramBytes: done,
      ramTotalBytes,
      transferredBytes: done,
      fileBytes: done,
      channelBytes: [],
    }
  }
}
