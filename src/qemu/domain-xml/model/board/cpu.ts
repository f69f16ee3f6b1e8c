import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, flag, requiredAttribute, text, whole } from '../../access.ts'
import { invalid } from '../../location.ts'
import { parseXml } from '../../parse-xml.ts'
import { checkKnown } from '../../schema/check.ts'
import { cpuRule } from '../../schema/cpu.ts'

/** The guest's processor. */
export interface Cpu {
  readonly mode: 'custom' | 'host-model' | 'host-passthrough' | 'maximum'
  /** QEMU's model name, for mode `custom`; absent when a `<cpu>` has only a topology. */
  readonly model: string | undefined
  readonly vendorId: string | undefined
  readonly migratable: boolean | undefined
  readonly features: readonly CpuFeature[]
  readonly topology: CpuTopology | undefined
  readonly cache: 'emulate' | 'passthrough' | 'disable' | undefined
  /** The level of the cache that `cache` is for; `undefined`: all. */
  readonly cacheLevel: number | undefined
  readonly maxPhysAddr:
    | {
        readonly mode: 'emulate' | 'passthrough'
        readonly bits?: number | undefined
        readonly limit?: number | undefined
      }
    | undefined
}

export interface CpuFeature {
  readonly name: string
  readonly policy: 'force' | 'require' | 'optional' | 'disable' | 'forbid'
}

export interface CpuTopology {
  readonly sockets: number
  readonly dies: number | undefined
  readonly clusters: number | undefined
  readonly cores: number
  readonly threads: number
}

/** Reads a `<cpu>`. */
export function readCpu(element: Element): Cpu {
  const model = child(element, 'model')
  const name = model === undefined ? '' : text(model).trim()
  const mode = attribute(element, 'mode') ?? 'custom'
  for (const value of [name, attribute(model, 'vendor_id') ?? '']) {
    if (!/^[\w. -]*$/.test(value)) throw invalid(model ?? element, `"${value}" is not a valid name`)
  }
  return {
    mode: mode as Cpu['mode'],
    model: name === '' ? undefined : name,
    vendorId: attribute(model, 'vendor_id'),
    migratable: flag(element, 'migratable'),
    features: children(element, 'feature').map(readFeature),
    topology: readTopology(child(element, 'topology')),
    cache: attribute(child(element, 'cache'), 'mode') as Cpu['cache'],
    cacheLevel: whole(child(element, 'cache'), 'level'),
    maxPhysAddr: readMaxPhysAddr(child(element, 'maxphysaddr')),
  }
}

/**
 * The `<cpu>` in the cookie of a libvirt save image: the processor that the guest really had, with all features named. `undefined` when the cookie
 * has none.
 *
 * @throws DomainXmlError when the cookie cannot be read
 */
export function readCookieCpu(cookie: string, path?: string): Cpu | undefined {
  // A cookie of ours has no processor.
  if (!cookie.includes('<cpu')) return undefined
  const root = parseXml(cookie, path).documentElement
  const element = root?.nodeName === 'cpu' ? root : child(root ?? undefined, 'cpu')
  if (element === undefined) return undefined
  checkKnown(element, cpuRule)
  return readCpu(element)
}

function readFeature(element: Element): CpuFeature {
  const name = requiredAttribute(element, 'name')
  if (!/^[\w.-]+$/.test(name)) throw invalid(element, `"${name}" is not a valid feature name`)
  return { name, policy: (attribute(element, 'policy') ?? 'require') as CpuFeature['policy'] }
}

function readTopology(element: Element | undefined): CpuTopology | undefined {
  if (element === undefined) return undefined
  const read = (name: string): number => {
    const value = whole(element, name) ?? 1
    if (value < 1 || value > 4096) throw invalid(element, `"${name}" must be between 1 and 4096`)
    return value
  }
  return {
    sockets: read('sockets'),
    dies: element.hasAttribute('dies') ? read('dies') : undefined,
    clusters: element.hasAttribute('clusters') ? read('clusters') : undefined,
    cores: read('cores'),
    threads: read('threads'),
  }
}

function readMaxPhysAddr(element: Element | undefined): Cpu['maxPhysAddr'] {
  if (element === undefined) return undefined
  return {
    mode: attribute(element, 'mode') === 'passthrough' ? 'passthrough' : 'emulate',
    bits: whole(element, 'bits'),
    limit: whole(element, 'limit'),
  }
}
