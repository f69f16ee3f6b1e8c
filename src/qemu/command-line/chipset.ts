import { DomainXmlError } from '../../errors.ts'

/** The two families of PC that are supported. */
export type Chipset = 'q35' | 'i440fx'

/**
 * The family of a machine type: `pc-q35-7.2` and `q35`, `pc-i440fx-7.2` and `pc`, also as Red Hat names them.
 *
 * @throws DomainXmlError `XML_UNSUPPORTED` for any other machine
 */
export function chipsetOf(machine: string): Chipset {
  if (machine === 'q35' || machine.startsWith('pc-q35-')) return 'q35'
  if (machine === 'pc' || /^pc-(i440fx-|\d)/.test(machine)) return 'i440fx'
  throw new DomainXmlError(
    'XML_UNSUPPORTED',
    `/domain/os/type/@machine: the machine type "${machine}" is not supported`,
    { hint: 'Supported are q35 and pc, in all their versions' },
  )
}

/** The id of the RAM block that holds a PC's memory, which an image names (hw/i386/pc.c, `default_ram_id`). */
export const RAM_ID: string = 'pc.ram'
