/** Keys by their names in Linux (linux/input-event-codes.h): the number there, and QEMU's number (QEMU ui/keycodemapdb, `qnum`: AT set 1, 0x80 added after an 0xe0). */
const KEYS: Readonly<Record<string, readonly [linux: number, qnum: number]>> = {
  ...series(1, 'ESC 1 2 3 4 5 6 7 8 9 0 MINUS EQUAL BACKSPACE TAB Q W E R T Y U I O P LEFTBRACE'),
  ...series(27, 'RIGHTBRACE ENTER LEFTCTRL A S D F G H J K L SEMICOLON APOSTROPHE GRAVE LEFTSHIFT'),
  ...series(43, 'BACKSLASH Z X C V B N M COMMA DOT SLASH RIGHTSHIFT KPASTERISK LEFTALT SPACE'),
  ...series(58, 'CAPSLOCK F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NUMLOCK SCROLLLOCK KP7 KP8 KP9 KPMINUS'),
  ...series(75, 'KP4 KP5 KP6 KPPLUS KP1 KP2 KP3 KP0 KPDOT'),
  ...{ '102ND': [86, 0x56], F11: [87, 0x57], F12: [88, 0x58], RO: [89, 0x73] },
  ...{ KATAKANA: [90, 0x78], HIRAGANA: [91, 0x77], HENKAN: [92, 0x79] },
  ...{ KATAKANAHIRAGANA: [93, 0x70], MUHENKAN: [94, 0x7b], KPENTER: [96, 0x9c] },
  ...{ RIGHTCTRL: [97, 0x9d], KPSLASH: [98, 0xb5], SYSRQ: [99, 0x54], RIGHTALT: [100, 0xb8] },
  ...{ HOME: [102, 0xc7], UP: [103, 0xc8], PAGEUP: [104, 0xc9], LEFT: [105, 0xcb] },
  ...{ RIGHT: [106, 0xcd], END: [107, 0xcf], DOWN: [108, 0xd0], PAGEDOWN: [109, 0xd1] },
  ...{ INSERT: [110, 0xd2], DELETE: [111, 0xd3], MUTE: [113, 0xa0], VOLUMEDOWN: [114, 0xae] },
  ...{ VOLUMEUP: [115, 0xb0], POWER: [116, 0xde], KPEQUAL: [117, 0x59], PAUSE: [119, 0xc6] },
  ...{ KPCOMMA: [121, 0x7e], YEN: [124, 0x7d], LEFTMETA: [125, 0xdb], RIGHTMETA: [126, 0xdc] },
  ...{ COMPOSE: [127, 0xdd], SLEEP: [142, 0xdf], WAKEUP: [143, 0xe3] },
}

const BY_NUMBER: ReadonlyMap<number, number> = new Map(Object.values(KEYS))

/** The numbers in which keys may be given: Linux's, or QEMU's own. */
export type KeyCodeSet = 'linux' | 'qnum'

/** QEMU's number of a key that is given by its name in Linux (`KEY_ENTER`) or by its number; `undefined`: there is no such key. */
export function qnumOf(key: string | number, codeSet: KeyCodeSet): number | undefined {
  const name = typeof key === 'string' ? /^KEY_(\w+)$/.exec(key)?.[1] : undefined
  if (name !== undefined) return Object.hasOwn(KEYS, name) ? KEYS[name]?.[1] : undefined
  const number = Number(key)
  if (!Number.isSafeInteger(number) || number < 1 || number > 0xff) return undefined
  return codeSet === 'qnum' ? number : BY_NUMBER.get(number)
}

/** Keys whose two numbers are the same, from the first on. */
function series(first: number, names: string): Readonly<Record<string, readonly [number, number]>> {
  return Object.fromEntries(
    names.split(' ').map((name, at) => [name, [first + at, first + at] as const]),
  )
}
