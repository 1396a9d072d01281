// The AWS SDK for JavaScript v3, driven by JSON lines; endpoints and the key come from the environment.
//   in:  {"id": 1, "call": "connect.StartChatContact", "argument": {...}}
//   out: {"id": 1, "result": ...} or {"id": 1, "error": {"class", "name", "message", "status", "fault"}}
"use strict";
const { createInterface } = require("node:readline");
const services = {
  connect: require("@aws-sdk/client-connect"),
  connectparticipant: require("@aws-sdk/client-connectparticipant"),
};
// Of the usual names this SDK knows AWS_REGION, but not AWS_DEFAULT_REGION.
const options = { region: process.env.AWS_DEFAULT_REGION, maxAttempts: 1 };
const clients = {
  connect: new services.connect.ConnectClient(options),
  connectparticipant: new services.connectparticipant.ConnectParticipantClient(options),
};
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, call, argument } = JSON.parse(line);
  const [service, operation] = call.split(".");
  try {
    say({ id, result: await clients[service].send(new services[service][`${operation}Command`](argument)) });
  } catch (error) {
    const { constructor, name, message, $fault, $metadata } = error;
    say({ id, error: { class: constructor.name, name, message, status: $metadata?.httpStatusCode, fault: $fault } });
  }
}).on("close", () => process.exit(0));
say({ event: "ready", data: process.version });
