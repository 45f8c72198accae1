/** What the launcher says: one line for each thing it uses, and the progress of what takes long. */
const TERMINAL_REFRESH_MS = 1_000;
/** Without a terminal a line a second would fill the log. */
const LOG_REFRESH_MS = 15_000;
const NAME_WIDTH = 11;

/** @typedef {ReturnType<typeof createSay>} Say */

/** @param {NodeJS.WriteStream} stream */
export function createSay(stream) {
  // A reader that went away must not end the launcher before it has stopped its children.
  stream.on('error', () => {});
  const line = (mark, name, text) => stream.write(`${mark} ${name.padEnd(NAME_WIDTH)} ${text}\n`);

  return {
    ready: (name, text) => line('✓', name, text),
    note: (name, text) => line('·', name, text),
    plain: (text) => stream.write(`${text}\n`),
    error: (text) => stream.write(`✗ ${text}\n`),

    /** A long step: says every now and then how long it has taken and what it is at. */
    step(name, text) {
      const startedAt = Date.now();
      const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
      let detail = () => '';
      const show = () => {
        const now = `… ${name.padEnd(NAME_WIDTH)} ${text}, ${seconds()}  ${detail()}`;
        if (stream.isTTY) stream.write(`\r\x1b[K${now.slice(0, (stream.columns ?? 80) - 1)}`);
        else stream.write(`${now}\n`);
      };
      const timer = setInterval(show, stream.isTTY ? TERMINAL_REFRESH_MS : LOG_REFRESH_MS);
      show();
      const stop = () => {
        clearInterval(timer);
        if (stream.isTTY) stream.write('\r\x1b[K');
      };
      return {
        watch: (read) => {
          detail = read;
        },
        done: (how) => {
          stop();
          line('✓', name, `${how} in ${seconds()}`);
        },
        note: (why) => {
          stop();
          line('·', name, why);
        },
        failed: stop,
      };
    },
  };
}
