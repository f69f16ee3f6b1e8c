import type { QmpConnection } from '../../qmp/connection.ts'

/**
 * Describes how a running machine differs from what its command line creates: hot-plugged or unplugged devices, and disks and media that the command
 * line does not name. Only differences that the guest would notice count; a network link that is down or a balloon is part of the saved state.
 * Source: QEMU hw/core/qdev.c (`hotplugged`), qapi/block-core.json `BlockInfo`, 7.2 to 11.
 * @throws QemuError
 */
export async function changesSinceStart(
  qmp: QmpConnection,
  argv: readonly string[],
): Promise<readonly string[]> {
  const present = [
    ...(await devicesUnder(qmp, '/machine/peripheral')),
    ...(await devicesUnder(qmp, '/machine/peripheral-anon')),
  ]
  const ids = new Set(present.map(({ name }) => name))
  return [
    ...present.filter(({ hotplugged }) => hotplugged).map(pluggedIn),
    ...namedDevices(argv)
      .filter((id) => !ids.has(id))
      .map((id) => `the device ${id} of its command line was unplugged`),
    ...(await otherDisks(qmp, argv.join('\n'))),
  ]
}

interface PresentDevice {
  readonly name: string
  readonly driver: string
  readonly hotplugged: boolean
}

function pluggedIn({ name, driver }: PresentDevice): string {
  return `the device ${name} (${driver}) was plugged in after its start`
}

async function devicesUnder(qmp: QmpConnection, path: string): Promise<readonly PresentDevice[]> {
  const children = await qmp.execute('qom-list', { path })
  return Promise.all(
    children.flatMap(({ name, type }) => {
      const driver = /^child<(.+)>$/.exec(type)?.[1]
      return driver === undefined ? [] : [inspect(name, driver)]
    }),
  )

  async function inspect(name: string, driver: string): Promise<PresentDevice> {
    const device = { path: `${path}/${name}`, property: 'hotplugged' }
    return { name, driver, hotplugged: (await qmp.execute('qom-get', device)) === true }
  }
}

/** The ids of the devices on the command line. */
function namedDevices(argv: readonly string[]): readonly string[] {
  return argv.flatMap((value, index) => {
    if (!/^--?device$/.test(argv[index - 1] ?? '')) return []
    const id = value.startsWith('{')
      ? /"id":\s*"([^"]+)"/.exec(value)?.[1]
      : /(?:^|,)id=([^,]+)/.exec(value)?.[1]
    return id === undefined ? [] : [id]
  })
}

/**
 * The disks whose contents differ from those on the command line: a snapshot taken at run time, a changed medium, a temporary overlay (`-snapshot`).
 */
async function otherDisks(qmp: QmpConnection, commandLine: string): Promise<readonly string[]> {
  const blocks = await qmp.execute('query-block')
  return blocks.flatMap(({ device, qdev, inserted }) => {
    if (inserted === undefined) return []
    const other = filesIn(inserted.file).filter((file) => !names(commandLine, file))
    const disk = device === '' ? (qdev ?? '') : device
    return other.map((file) => `its disk ${disk} is ${file}, which its command line does not name`)
  })
}

/** The files in a block device's name, which is a file name, or `json:` and options. */
function filesIn(name: string): readonly string[] {
  if (!name.startsWith('json:')) return /^[\w-]+:/.test(name) ? [] : [name]
  return [...name.matchAll(/"filename":\s*"((?:[^"\\]|\\.)*)"/g)].map((match) =>
    String(JSON.parse(`"${match[1] ?? ''}"`)),
  )
}

/** Whether the command line names a file: as it is, with the commas of an option list doubled, or as a JSON string. */
function names(commandLine: string, file: string): boolean {
  const spellings = [file, file.replaceAll(',', ',,'), JSON.stringify(file).slice(1, -1)]
  return spellings.some((spelling) => commandLine.includes(spelling))
}
