import { FORMATS } from '../../image/format-table.ts'
import type { PageStore } from '../../image/saved-machine.ts'
import { memoryBackends } from '../../qemu/command-line/board/memory.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { ImageSender } from '../../transfer/image-senders/image-sender.ts'
import { openPagesSender } from '../../transfer/image-senders/pages.ts'
import { NEEDS_NOTHING } from '../machine/launch/launch-needs.ts'
import { refuseBacking } from './backing.ts'
import { completeSource } from './complete-source.ts'
import { type LinearPart, MappedMemory, refuseMapping } from './mapped-memory.ts'
import type { MemorySource } from './memory-source.ts'
import { sendMachine } from './send-machine.ts'
import type { InstantWay, LoaderOptions, MemoryBackend } from './source-choice.ts'
import { type SourceRefusal, unfit } from './source-refusal.ts'

/** A file becomes the guest's memory: the image where it contains the memory uncompressed, or the copy in the cache. */
export const MAP: InstantWay = {
  mode: 'map',
  how: 'mapped',
  why: 'the memory is uncompressed in a file',
  async consider(image, { domain, backends, emulator }, request) {
    const { path, pages, deviceState } = image
    if (pages === undefined || deviceState === undefined)
      return unfit(`an image of format ${image.format} is one stream`)
    const refusal = refuseDomain(domain)
    if (refusal !== undefined) return refusal
    const inImage = partsInImage(path, pages, backends)
    // A mapped page is never compared with its checksum: an image with checksums is mapped only on request.
    const inPlace = request.mode === 'map' || !FORMATS[image.format].traits.checksummedPages
    const parts = (inPlace ? inImage : undefined) ?? fitting(await request.cached(), backends)
    if (parts === undefined) {
      const inPieces =
        pages.isLayered === true
          ? 'the image stores only what differs from another, and is not in the cache'
          : 'the image is compressed and not in the cache'
      return unfit(inImage === undefined ? inPieces : 'its checksums would not be checked')
    }
    const qemu = { version: emulator.version, balloon: domain.balloon !== undefined }
    return (
      refuseMapping(parts, qemu) ??
      ((options) => {
        using opening = new DisposableStack()
        const memory = opening.use(MappedMemory.open(parts, qemu))
        const sender = openPagesSender(path, pages, deviceState, {
          ...options,
          backends: [],
          mapped: new Set(memory.files.keys()),
        })
        opening.move()
        return mappingSource(memory, sender, options)
      })
    )
  },
}

/** The sender sends everything that is not mapped: the other blocks and the devices. */
function mappingSource(
  memory: MappedMemory,
  sender: ImageSender,
  { paths }: LoaderOptions,
): MemorySource {
  const path = memory.inPlace
  const needs = path === undefined ? undefined : ({ path, until: 'guest-ends' } as const)
  return completeSource({
    launchNeeds: { ...NEEDS_NOTHING, memory: memory.files },
    bring: (qemu, options) => sendMachine(qemu, sender, paths.migrationSocket, options),
    brought: { mode: 'map', allMemory: false, needs },
    async dispose() {
      await sender[Symbol.asyncDispose]()
      memory[Symbol.dispose]()
    },
  })
}

function refuseDomain(domain: Domain): SourceRefusal | undefined {
  const refusal = refuseBacking(domain)
  if (refusal !== undefined) return refusal
  const { hugepages, access } = domain.memoryBacking
  if (hugepages !== undefined) return unfit('the domain asks for huge pages')
  return memoryBackends(domain).some(({ cell }) => (cell?.access ?? access) === 'shared')
    ? unfit('the domain asks for memory that other processes share')
    : undefined
}

/** The place of each backend's RAM in the image; `undefined` when it is not there uncompressed. */
function partsInImage(
  path: string,
  pages: PageStore,
  backends: readonly MemoryBackend[],
): readonly LinearPart[] | undefined {
  const parts = backends.map(({ id, length }) => {
    const block = pages.blocks.find(({ name }) => name === id)
    const offset = block?.linearOffset
    return offset === undefined || block?.length !== length
      ? undefined
      : { id, path, offset, length }
  })
  return parts.every((part) => part !== undefined) ? parts : undefined
}

/** The cached parts in the order of the backends, if there is one of the right length for each. */
function fitting(
  cached: readonly LinearPart[] | undefined,
  backends: readonly MemoryBackend[],
): readonly LinearPart[] | undefined {
  const parts = backends.map(({ id, length }) =>
    cached?.find((part) => part.id === id && part.length === length),
  )
  return parts.every((part) => part !== undefined) ? parts : undefined
}
