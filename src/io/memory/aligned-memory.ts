import { InternalError } from '../../errors.ts'
import { adviseHugePages } from '../system-calls.ts'

/** The alignment of addresses, offsets and lengths for O_DIRECT that every disk so far accepted (512 would do on some). */
export const DIRECT_ALIGNMENT = 4096

const WASM_PAGE = 65536

const HUGE_PAGE = 2 * 1024 * 1024

// Node has it; the compiler's libraries declare it only for browsers.
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number; shared: boolean }) => {
    readonly buffer: ArrayBuffer | SharedArrayBuffer
  }
}

const alignedBuffers = new WeakSet<ArrayBufferLike>()

/** The next multiple of `alignment` at or above `value`. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment
}

/** The last multiple of `alignment` at or below `value`. */
export function alignDown(value: number, alignment: number): number {
  return Math.floor(value / alignment) * alignment
}

/**
 * Allocates `length` bytes of zeroed, page-aligned memory that O_DIRECT accepts. WebAssembly memory is the only aligned kind in plain JavaScript;
 * each call reserves address space generously, so allocate seldom and slice. Other threads can see `shared` memory.
 */
export function allocateAligned(
  length: number,
  options: { readonly shared: boolean } = { shared: false },
): Uint8Array {
  const pages = Math.ceil(length / WASM_PAGE)
  if (pages < 1 || pages > 65536) throw new InternalError(`Cannot allocate ${length} aligned bytes`)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, ...options })
  alignedBuffers.add(memory.buffer)
  const bytes = new Uint8Array(memory.buffer, 0, length)
  // The disk accepts a few long pieces of memory several times as fast as many of 4 KiB (notes/linux/direct-io.md).
  if (length >= HUGE_PAGE) adviseHugePages(bytes)
  return bytes
}

/** Whether O_DIRECT accepts this piece of memory: it comes from `allocateAligned`, and address and length are aligned. */
export function isDirectMemory(bytes: Uint8Array): boolean {
  return (
    alignedBuffers.has(bytes.buffer) &&
    bytes.byteOffset % DIRECT_ALIGNMENT === 0 &&
    bytes.length % DIRECT_ALIGNMENT === 0
  )
}

/** Equal aligned pieces cut from one allocation. `slotLength` must be a multiple of `DIRECT_ALIGNMENT`. */
export function allocateSlots(
  count: number,
  slotLength: number,
  options: { readonly shared: boolean } = { shared: false },
): readonly Uint8Array[] {
  const memory = allocateAligned(count * slotLength, options)
  return Array.from({ length: count }, (_, index) =>
    memory.subarray(index * slotLength, (index + 1) * slotLength),
  )
}
