/** The words of a command that libvirt's tests record: environment, program and arguments, quoted for a shell, lines continued with a backslash. */
export function shellWords(text: string): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] ?? ''
    if (letter === '\\') {
      at++
      if (text[at] !== '\n') word = (word ?? '') + (text[at] ?? '')
    } else if (letter === "'" || letter === '"') {
      const end = text.indexOf(letter, at + 1)
      word = (word ?? '') + text.slice(at + 1, end)
      at = end
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + letter
  }
  return word === undefined ? words : [...words, word]
}

/** The arguments of QEMU in such a command, without environment and program. */
export function recordedArguments(text: string): readonly string[] {
  const words = shellWords(text)
  return words.slice(words.findIndex((word) => !/^\w+=/.test(word)) + 1)
}
