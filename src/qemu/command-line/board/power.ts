import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { Chipset } from '../../domain-xml/chipset.ts'

/**
 * The reactions to a power-off, reboot or crash of the guest, and whether it may sleep.
 *
 * libvirt has a daemon that receives these events and acts. Stasis has none, so QEMU itself gets the instruction (`-action`, QEMU >= 6.0). QEMU can
 * end (`destroy`), stop and wait (`preserve`) or, on reboot only, go on (`restart`). `on_reboot=preserve` implies `on_poweroff=preserve`, because
 * QEMU first turns the reboot into a power-off. After a crash QEMU cannot start the guest again, so `restart` is refused where a panic device reports
 * crashes; without one the setting has no effect.
 */
export function powerArguments(domain: Domain, chipset: Chipset): readonly string[] {
  const { onPoweroff, onReboot, pm } = domain
  if (onReboot === 'preserve' && onPoweroff !== 'preserve') {
    throw new DomainXmlError(
      'XML_UNSUPPORTED',
      '/domain/on_reboot: "preserve" also needs "preserve" in <on_poweroff>',
    )
  }
  const actions = [
    ...(onReboot === 'restart' ? [] : ['reboot=shutdown']),
    ...(onPoweroff === 'preserve' ? ['shutdown=pause'] : []),
    ...panicAction(domain),
  ]
  return [
    ...(actions.length === 0 ? [] : ['-action', actions.join(',')]),
    ...sleep('disable_s3', pm.suspendToMem, chipset),
    ...sleep('disable_s4', pm.suspendToDisk, chipset),
  ]
}

function panicAction(domain: Domain): readonly string[] {
  const [panic] = domain.panics
  if (panic === undefined || domain.onCrash === 'destroy') return []
  if (domain.onCrash === 'preserve') return ['panic=pause']
  throw new DomainXmlError(
    'XML_UNSUPPORTED',
    `/domain/on_crash: "${domain.onCrash}" needs a service that acts when the guest crashes`,
    { hint: 'Use "destroy" or "preserve", or remove the <panic> device' },
  )
}

function sleep(name: string, enabled: boolean | undefined, chipset: Chipset): readonly string[] {
  if (enabled === undefined || chipset === 'virt') return []
  const device = chipset === 'q35' ? 'ICH9-LPC' : 'PIIX4_PM'
  return ['-global', `${device}.${name}=${enabled ? 0 : 1}`]
}
