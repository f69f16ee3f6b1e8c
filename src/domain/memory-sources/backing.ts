import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { type SourceRefusal, unfit } from './source-refusal.ts'

/** Refuses a domain that needs all its memory before its guest runs. */
export function refuseBacking({ memoryBacking }: Domain): SourceRefusal | undefined {
  if (memoryBacking.immediate) return unfit('the domain asks for all of its memory at its start')
  if (memoryBacking.locked) return unfit('the domain asks for locked memory')
  return undefined
}
