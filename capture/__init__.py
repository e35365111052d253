"""Camera and video files to landmarks of the patient to a joint angle."""
