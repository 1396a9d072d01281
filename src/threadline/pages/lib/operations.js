// The operations that the pages call: service, HTTP method and path, as the service models have them. A test compares.
// A member of the path is left out of the body; of a GET, members are the query string.
export const OPERATIONS = {
  AcceptContact: ["threadline", "POST", "/threadline/contact/accept/{InstanceId}/{ContactId}"],
  ClearFaults: ["threadline", "DELETE", "/threadline/faults"],
  CreateParticipantConnection: ["connectparticipant", "POST", "/participant/connection"],
  CreatePersistentContactAssociation: [
    "connect",
    "POST",
    "/contact/persistent-contact-association/{InstanceId}/{InitialContactId}",
  ],
  DescribeContact: ["connect", "GET", "/contacts/{InstanceId}/{ContactId}"],
  DescribeLineage: ["threadline", "GET", "/threadline/lineage/{InstanceId}/{ContactId}"],
  DisconnectParticipant: ["connectparticipant", "POST", "/participant/disconnect"],
  GetTranscript: ["connectparticipant", "POST", "/participant/transcript"],
  ListContactFlows: ["connect", "GET", "/contact-flows-summary/{InstanceId}"],
  ListFaults: ["threadline", "GET", "/threadline/faults"],
  ListInstances: ["connect", "GET", "/instance"],
  ListUsers: ["connect", "GET", "/users-summary/{InstanceId}"],
  MoveClock: ["threadline", "POST", "/threadline/clock"],
  ResetServer: ["threadline", "POST", "/threadline/reset"],
  SendEvent: ["connectparticipant", "POST", "/participant/event"],
  SendMessage: ["connectparticipant", "POST", "/participant/message"],
  SetFault: ["threadline", "POST", "/threadline/faults"],
  SignOut: ["threadline", "POST", "/threadline/sign-out"],
  StartChatContact: ["connect", "PUT", "/contact/chat"],
  StopContact: ["connect", "POST", "/contact/stop"],
  TransferChat: ["threadline", "POST", "/threadline/contact/transfer/{InstanceId}/{ContactId}"],
};
