import { DomainXmlError, QemuError } from '../../errors.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import { escapeComma, keyValues, onOff } from './arguments.ts'
import { audioArguments } from './screen-and-sound/audio.ts'
import { bootArguments } from './boot.ts'
import { clockArguments } from './board/clock.ts'
import { controllerArguments, floppyGlobals } from './buses/controllers.ts'
import { cpuArguments } from './board/cpu.ts'
import { reservationArguments } from './storage/disk-nodes.ts'
import { diskArguments } from './storage/disks.ts'
import { firmwareArguments } from './board/firmware.ts'
import { graphicsArguments } from './screen-and-sound/graphics.ts'
import { refuseImpossible } from './limits/impossible.ts'
import { inputArguments } from './screen-and-sound/inputs.ts'
import { interfaceArguments } from './devices/interfaces.ts'
import { launchSecurityArguments } from './board/launch-security.ts'
import { machineArguments } from './board/machine.ts'
import { memoryArguments } from './board/memory.ts'
import { memoryDeviceArguments } from './board/memory-devices.ts'
import { numaArguments } from './board/numa.ts'
import { atLeast, type CommandLineOptions, versionText } from './options.ts'
import { powerArguments } from './board/power.ts'
import { processorArguments } from './board/processors.ts'
import { redirectionArguments } from './characters/redirection.ts'
import {
  channelArguments,
  consoleArguments,
  guestForwardArguments,
  parallelArguments,
  serialArguments,
} from './characters/serial.ts'
import {
  balloonArguments,
  genidArguments,
  iothreadArguments,
  cryptoArguments,
  iommuArguments,
  panicArguments,
  pstoreArguments,
  rngArguments,
  vmcoreinfoArguments,
  vsockArguments,
  watchdogArguments,
} from './devices/small-devices.ts'
import { sharedMemoryArguments } from './devices/shared-memory.ts'
import { cardReaderArguments, smartCardArguments } from './characters/smartcards.ts'
import { firmwareSettingArguments, smbiosArguments } from './board/smbios.ts'
import { soundArguments } from './screen-and-sound/sound.ts'
import { hostDeviceArguments } from './devices/host-devices.ts'
import { sharedDirectoryArguments } from './devices/shared-directories.ts'
import { scsiDeviceArguments } from './storage/scsi-devices.ts'
import { throttleArguments } from './storage/throttle.ts'
import { tpmArguments } from './devices/tpm.ts'
import { hubArguments } from './buses/usb.ts'
import { videoArguments } from './screen-and-sound/video.ts'
import { wire } from './buses/wiring.ts'

/**
 * Builds the arguments of a QEMU process (without the program itself) for a normalised domain. All arguments that determine whether an image loads
 * are those of libvirt 9.0 to 12.8 for the same XML (notes/libvirt): machine type, RAM, processors, every PCI device with its address and properties,
 * the number of serial ports.
 *
 * The guest starts paused (`-S`). Unlike libvirt's, this command line has no `-no-shutdown`: there is no daemon that would end a QEMU whose guest has
 * powered off.
 *
 * @throws DomainXmlError `XML_INVALID` or `XML_UNSUPPORTED` for something that cannot be built, with its place
 * @throws QemuError `QEMU_LACKS_FEATURE` when this QEMU is too old
 */
export function buildCommandLine(domain: Domain, options: CommandLineOptions): readonly string[] {
  if (!atLeast(options.qemuVersion, 6, 2)) {
    throw new QemuError(
      'QEMU_LACKS_FEATURE',
      `QEMU ${versionText(options.qemuVersion)} does not support devices described in JSON; QEMU 6.2 does`,
    )
  }
  if (domain.uuid === undefined) {
    throw new DomainXmlError('XML_INVALID', '/domain: the element <uuid> is missing', {
      hint: 'Define the domain first: that fills it in',
    })
  }
  const wiring = wire(domain)
  refuseImpossible(wiring, options)
  return [
    '-name',
    `guest=${escapeComma(domain.name)},debug-threads=on`,
    '-S',
    ...firmwareArguments(domain),
    ...machineArguments(domain, options),
    ...tsegArguments(domain),
    ...cpuArguments(domain, options),
    ...memoryArguments(domain, options),
    ...processorArguments(domain),
    ...iothreadArguments(wiring),
    ...numaArguments(domain, options),
    '-uuid',
    domain.uuid,
    ...smbiosArguments(domain),
    ...firmwareSettingArguments(domain),
    ...genidArguments(wiring),
    '-no-user-config',
    '-nodefaults',
    ...graphicsArguments(domain, options),
    ...monitorArguments(options),
    ...clockArguments(domain, options),
    ...powerArguments(domain, wiring.chipset),
    ...bootArguments(domain, options),
    ...iommuArguments(wiring),
    ...floppyGlobals(wiring),
    ...controllerArguments(wiring, options),
    ...hubArguments(wiring),
    ...cardReaderArguments(wiring),
    ...memoryDeviceArguments(wiring, options),
    ...throttleArguments(domain),
    ...reservationArguments(domain, options),
    ...diskArguments(wiring, options),
    ...sharedDirectoryArguments(wiring, options),
    ...interfaceArguments(wiring, options),
    ...serialArguments(wiring, options),
    ...parallelArguments(wiring, options),
    ...guestForwardArguments(wiring, options),
    ...channelArguments(wiring, options),
    ...consoleArguments(wiring, options),
    ...smartCardArguments(wiring, options),
    ...inputArguments(wiring),
    ...tpmArguments(wiring, options),
    ...audioArguments(domain),
    ...videoArguments(wiring),
    ...soundArguments(wiring),
    ...redirectionArguments(wiring, options),
    ...watchdogArguments(wiring),
    ...(options.incoming ? ['-incoming', 'defer'] : []),
    ...hostDeviceArguments(wiring),
    ...scsiDeviceArguments(wiring, options),
    ...balloonArguments(wiring),
    ...rngArguments(wiring, options),
    ...vmcoreinfoArguments(wiring),
    ...cryptoArguments(wiring),
    ...sharedMemoryArguments(wiring),
    ...panicArguments(wiring),
    ...pstoreArguments(wiring),
    ...teardownArguments(domain, options),
    ...vsockArguments(wiring),
    ...launchSecurityArguments(domain, options),
    ...domain.extraArguments,
  ]
}

function monitorArguments(options: CommandLineOptions): readonly string[] {
  return options.monitors.flatMap((monitor) => {
    const id = `char${monitor.id}`
    const socket =
      'fd' in monitor
        ? keyValues({ id, fd: String(monitor.fd) })
        : `${keyValues({ id, path: monitor.path })},server=on,wait=off`
    return ['-chardev', `socket,${socket}`, '-mon', `chardev=${id},id=${monitor.id},mode=control`]
  })
}

function tsegArguments({ features }: Domain): readonly string[] {
  if (features.tsegBytes === undefined) return []
  return ['-global', `mch.extended-tseg-mbytes=${features.tsegBytes / 1024 / 1024}`]
}

/** It only shortens the end of QEMU. A QEMU that does not know the option ends as before. */
function teardownArguments({ features }: Domain, options: CommandLineOptions): readonly string[] {
  const wanted = onOff(features.asyncTeardown)
  if (wanted === undefined || !atLeast(options.qemuVersion, 8, 1)) return []
  return ['-run-with', `async-teardown=${wanted}`]
}
