import type { Element } from '@xmldom/xmldom'
import {
  attribute,
  child,
  children,
  flag,
  requiredAttribute,
  requiredChild,
  whole,
} from '../../access.ts'
import { invalid } from '../../location.ts'
import { type Device, readDevice, readVirtioOptions, type VirtioOptions } from '../buses/device.ts'

/** A directory of the host that the guest can mount. */
export interface SharedDirectory extends Device {
  readonly source:
    | {
        readonly type: '9p'
        readonly directory: string
        /** How the guest's owners and modes are kept. */
        readonly security: string
        readonly fileMode: string | undefined
        readonly directoryMode: string | undefined
        readonly multipleDevices: string | undefined
        readonly writeAtOnce: boolean
      }
    | {
        readonly type: 'virtiofs'
        /** A directory for which virtiofsd is started, or the socket of one that another program started. */
        readonly from:
          | { readonly directory: string; readonly options: readonly string[] }
          | { readonly socket: string }
        readonly queueSize: number | undefined
      }
  /** The name under which the guest mounts it. */
  readonly tag: string
  readonly readonly: boolean
  readonly virtio: VirtioOptions
}

/** Reads a `<filesystem>`. */
export function readSharedDirectory(element: Element): SharedDirectory {
  return {
    ...readDevice(element),
    source: readSource(element),
    tag: requiredAttribute(requiredChild(element, 'target'), 'dir'),
    readonly: child(element, 'readonly') !== undefined,
    virtio: readVirtioOptions(element, attribute(element, 'model')),
  }
}

function readSource(element: Element): SharedDirectory['source'] {
  const source = requiredChild(element, 'source')
  const driver = child(element, 'driver')
  if (attribute(driver, 'type') === 'virtiofs') {
    const socket = attribute(source, 'socket')
    const queueSize = whole(driver, 'queue')
    if (socket !== undefined) return { type: 'virtiofs', from: { socket }, queueSize }
    const directory = requiredAttribute(source, 'dir')
    const options = [
      ...readOptions(child(element, 'binary')),
      ...(child(element, 'readonly') === undefined ? [] : ['--readonly']),
      ...readOwnerMaps(child(element, 'idmap')),
    ]
    return { type: 'virtiofs', from: { directory, options }, queueSize }
  }
  return {
    type: '9p',
    directory: requiredAttribute(source, 'dir'),
    security: attribute(element, 'accessmode')?.replace('squash', 'none') ?? 'passthrough',
    fileMode: readMode(element, 'fmode'),
    directoryMode: readMode(element, 'dmode'),
    multipleDevices: attribute(element, 'multidevs')?.replace(/^default$/, '') || undefined,
    writeAtOnce: attribute(driver, 'wrpolicy') === 'immediate',
  }
}

/** Owners in the guest that are others on the host. Only the virtiofsd in Rust has this, since 1.9; it has `--readonly` since 1.11. */
function readOwnerMaps(idmap: Element | undefined): readonly string[] {
  if (idmap === undefined) return []
  return [...children(idmap, 'uid'), ...children(idmap, 'gid')].map((one) => {
    const [start, target, count] = ['start', 'target', 'count'].map((name) => whole(one, name))
    if (start === undefined || target === undefined || count === undefined)
      throw invalid(one, 'it needs the attributes "start", "target" and "count"')
    return `--${one.nodeName}-map=:${start}:${target}:${count}:`
  })
}

/** Options that both virtiofsds have, that of QEMU 7 and that in Rust. */
function readOptions(binary: Element | undefined): readonly string[] {
  const cache = attribute(child(binary, 'cache'), 'mode')
  const sandbox = attribute(child(binary, 'sandbox'), 'mode')
  const threads = whole(child(binary, 'thread_pool'), 'size')
  const files = whole(child(binary, 'openfiles'), 'max')
  return [
    ...(cache === undefined ? [] : ['-o', `cache=${cache}`]),
    ...(sandbox === undefined ? [] : ['-o', `sandbox=${sandbox}`]),
    ...(flag(binary, 'xattr') === true ? ['-o', 'xattr'] : []),
    ...(threads === undefined ? [] : [`--thread-pool-size=${threads}`]),
    ...(files === undefined ? [] : [`--rlimit-nofile=${files}`]),
  ]
}

/** An octal mode, as QEMU takes it. */
function readMode(element: Element, name: string): string | undefined {
  const mode = attribute(element, name)
  if (mode === undefined) return undefined
  if (!/^0?[0-7]{3,4}$/.test(mode)) throw invalid(element, `"${mode}" is not a valid ${name}`)
  return mode.padStart(4, '0')
}
