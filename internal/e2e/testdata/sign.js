// Signs deliveries with the npm package standardwebhooks and posts them. The
// cases come on stdin as JSON, what was answered goes to stdout.
const { Webhook } = require("standardwebhooks");

async function main() {
  let input = "";
  for await (const chunk of process.stdin) input += chunk;
  const { url, cases } = JSON.parse(input);
  const answers = {};
  for (const c of cases) {
    const at = new Date(Date.now() + c.secondsFromNow * 1000);
    const headers = {
      "content-type": "application/json",
      "webhook-id": c.id,
      "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
      "webhook-signature": c.secrets.map((s) => new Webhook(s).sign(c.id, at, c.body)).join(" "),
      ...c.headers, // what is changed after signing
    };
    for (const name of c.without) delete headers[name];
    const response = await fetch(url, { method: "POST", headers, body: c.send });
    answers[c.name] = `${response.status} ${await response.text()}`;
  }
  console.log(JSON.stringify(answers));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
