import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, flag, requiredAttribute } from '../../access.ts'
import { invalid } from '../../location.ts'
import { parseWhole } from '../../values.ts'

/** The virtual switch that a network card, or a network, is on. */
export interface VirtualPort {
  /** `openvswitch` and the like. */
  readonly type: string
  /** The id of the card for the controller of the switch. */
  readonly interfaceId: string | undefined
  readonly profileId: string | undefined
}

/** The VLANs of a network card. */
export interface Vlan {
  readonly trunk: boolean
  /** At least one. */
  readonly tags: readonly number[]
  /** The tag of a trunk for packets without one. */
  readonly native: { readonly tag: number; readonly mode: 'tagged' | 'untagged' } | undefined
}

/** Reads a `<virtualport>`; `undefined` without a type. */
export function readVirtualPort(element: Element | undefined): VirtualPort | undefined {
  const type = attribute(element, 'type')
  if (type === undefined) return undefined
  const parameters = child(element, 'parameters')
  return {
    type,
    interfaceId: attribute(parameters, 'interfaceid'),
    profileId: attribute(parameters, 'profileid'),
  }
}

/** The highest tag of IEEE 802.1Q. */
const MAX_TAG = 4095

/** Reads a `<vlan>`. */
export function readVlan(element: Element | undefined): Vlan | undefined {
  if (element === undefined) return undefined
  const elements = children(element, 'tag')
  const tags = elements.map((tag) => {
    const text = requiredAttribute(tag, 'id')
    const id = parseWhole(text)
    if (id === undefined || id > MAX_TAG) throw invalid(tag, `"${text}" is not a VLAN tag`)
    return id
  })
  if (tags.length === 0) throw invalid(element, 'it has no tags')
  const trunk = flag(element, 'trunk') ?? tags.length > 1
  if (!trunk && tags.length > 1) throw invalid(element, 'only a trunk has several tags')
  const at = elements.findIndex((tag) => tag.hasAttribute('nativeMode'))
  const mode = attribute(elements[at], 'nativeMode') === 'tagged' ? 'tagged' : 'untagged'
  const tag = tags[at]
  return { trunk, tags, native: tag === undefined ? undefined : { tag, mode } }
}
