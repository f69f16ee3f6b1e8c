import { device, keyValues } from '../arguments.ts'
import { join } from 'node:path'
import { bootIndexes } from '../boot.ts'
import { DomainXmlError } from '../../../errors.ts'
import type { CommandLineOptions } from '../options.ts'
import { virtioDevice } from '../buses/virtio.ts'
import type { Wiring } from '../buses/wiring.ts'

/** Where the virtiofsd listens that is started for the directory at that position. */
export function virtiofsSocket(directory: string, at: number): string {
  return join(directory, `fs${at}.sock`)
}

/** Directories of the host that the guest can mount. QEMU refuses to save a machine that has mounted one. */
export function sharedDirectoryArguments(
  wiring: Wiring,
  { socketDirectory = '/run' }: CommandLineOptions,
): readonly string[] {
  const indexes = bootIndexes(wiring.domain)
  return wiring.domain.sharedDirectories.flatMap((one, at) => {
    const id = wiring.idOf(one, `fs${at}`)
    const { source, tag, readonly, virtio } = one
    if (source.type === 'virtiofs') {
      const path =
        'socket' in source.from ? source.from.socket : virtiofsSocket(socketDirectory, at)
      return [
        ...['-chardev', `socket,${keyValues({ id: `chr-vu-${id}`, path })}`],
        ...device({
          ...virtioDevice('vhost-user-fs', virtio),
          id,
          chardev: `chr-vu-${id}`,
          'queue-size': source.queueSize,
          tag,
          bootindex: indexes.get(one),
          ...wiring.address(one),
        }),
      ]
    }
    if (one.bootOrder !== undefined)
      throw new DomainXmlError('XML_INVALID', `${one.place}/boot: a guest boots only from virtiofs`)
    const fsdev = keyValues({
      security_model: source.security,
      multidevs: source.multipleDevices,
      fmode: source.fileMode,
      dmode: source.directoryMode,
      writeout: source.writeAtOnce ? 'immediate' : undefined,
      id: `fsdev-${id}`,
      path: source.directory,
      readonly: readonly ? 'on' : undefined,
    })
    return [
      ...['-fsdev', `local,${fsdev}`],
      ...device({
        ...virtioDevice('virtio-9p', virtio),
        id,
        fsdev: `fsdev-${id}`,
        mount_tag: tag,
        ...wiring.address(one),
      }),
    ]
  })
}
